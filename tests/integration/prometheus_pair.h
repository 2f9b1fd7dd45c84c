// A collector and a Prometheus side by side, and their answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {

// Points of an answer by labels (without `node`, which Ronda adds) and time; scalars and strings
// under "".
struct PromAnswer {
  int status = 0;
  std::string error;
  std::string type;
  std::map<std::string, double> points;
};

class PrometheusPair {
 public:
  static bool IsInstalled();

  // `config` is prometheus.yml; "" takes pushed samples alone. Both serve when it returns true.
  bool StartPrometheus(const std::string& config);
  // The first call chooses the port, later ones keep it.
  bool StartCollector(const std::vector<std::string>& more = {});
  void KillCollector() { collector_.Kill(); }
  void KillPrometheus() { prometheus_process_.Kill(); }
  // A path for a file of the test's own.
  std::string File(const std::string& name) const { return dir_.File(name); }
  std::string CollectorLog() const;

  const std::string& ronda() const { return ronda_; }  // HOST:PORT
  const std::string& prometheus() const { return prometheus_; }
  // A token that may write; in a file as well.
  const std::string& token() const { return token_; }
  std::string token_file() const { return dir_.File("token"); }
  // A free port for a Prometheus that scrapes itself, chosen before its configuration is written.
  int prometheus_port();

  // Posts a snappy block to both; "" or what went wrong.
  std::string Push(const std::string& body);

  // step_ms 0: at `end_ms`.
  static PromAnswer Ask(const std::string& address, const std::string& expr, int64_t start_ms,
                        int64_t end_ms, int64_t step_ms);

 private:
  TempDir dir_;
  Process prometheus_process_;
  Process collector_;
  std::string ronda_;
  std::string prometheus_;
  std::string token_;
  int prometheus_port_ = 0;
};

// "" if the answers agree to the rounding of sums, else the first difference.
std::string Difference(const PromAnswer& mine, const PromAnswer& theirs);

}  // namespace ronda
