// The systems that `ronda-bench store` and `ronda-bench read` compare. Each is a real server: a
// child process on loopback with its own folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/read_back.h"
#include "tests/bench/scale_set.h"
#include "tests/support/process.h"

namespace ronda::bench {

struct DiskUse {
  int64_t samples_bytes = 0;  // raw samples with index and catalogue, after all merges
  int64_t rollup_bytes = 0;   // minute and hour
  int64_t journal_bytes = 0;  // journal or write-ahead log, and pages that are free again
  int64_t total_bytes = 0;    // the files as they lie there
};

// A question for `ronda-bench read`: one metric, on all nodes of the set.
struct ReadQuery {
  std::string name;
  std::string metric;
  int64_t start_ms = 0;  // raw: start < t <= end
  int64_t end_ms = 0;
  int64_t step_ms = 0;    // 0: raw samples
  bool no_cache = false;  // leave a cache of results out, where the system has one
};

// A question for `ronda-bench query`, as PromQL over HTTP.
struct PromQuery {
  std::string name;
  std::string expr;
  int64_t start_ms = 0;
  int64_t end_ms = 0;   // the time of an instant query
  int64_t step_ms = 0;  // 0: an instant query
};

struct Answer {
  double ms = 0;  // to the last byte
  int64_t points = 0;
  std::string body;  // of Query()
};

class System {
 public:
  virtual ~System() = default;

  virtual std::string name() const = 0;
  // "" if it can run here, else what is missing.
  virtual std::string Missing() const { return ""; }
  // Starts the server on what its folder holds, and waits until it answers.
  virtual absl::Status Start() = 0;
  // Sends the whole set as its clients do, in order of time; returns when all of it is durable and
  // can be queried.
  virtual absl::Status Feed(const ScaleSet& set) = 0;
  // What Feed() brought survives a kill -9 right after it.
  virtual bool KeepsWhatItTook() const { return true; }
  // How much of the set it holds: Ronda by comparing every sample, others by their own count. May
  // stop the server.
  virtual absl::StatusOr<ReadBack> ReadAll(const ScaleSet& set) = 0;
  // Brings what was fed into its final form: sealed, merged, compacted. May stop the server.
  virtual absl::Status Settle() = 0;
  virtual absl::StatusOr<DiskUse> Disk() const = 0;
  // Runs the query once.
  virtual absl::StatusOr<Answer> Read(const ReadQuery& query) = 0;

  // Asks over HTTP, once; kUnimplemented where that is not how it is asked.
  virtual absl::StatusOr<Answer> Query(const PromQuery& query);

  // Ends the server in order, or by SIGKILL.
  absl::Status Stop();
  void Kill();

  // Of all processes it has had since the last ResetCost(): user and system time, and the most
  // memory that one of them held (since that one's start).
  double cpu_seconds() const;
  double peak_rss_mib() const;
  void ResetCost();

 protected:
  // Closes what is open to the server, which else waits for its clients when it stops.
  virtual void Disconnect() {}
  absl::Status StartProcess(const std::vector<std::string>& argv, const std::string& log);
  // Polls each millisecond until `ready` is true. kInternal if the process ends before.
  absl::Status WaitUntil(absl::FunctionRef<bool()> ready);
  void AddCost(double cpu_seconds, double peak_rss_mib);

 private:
  void TakeCost();

  Process process_;
  double cpu_before_ = 0;    // of the present process, not counted
  double cpu_seconds_ = 0;   // of processes that ended
  double peak_rss_mib_ = 0;  // of processes that ended
};

// Each keeps its files below `dir`/name(), made if absent.
std::unique_ptr<System> NewRonda(const std::string& dir, bool live_lane);
// Fed by remote-write and asked over HTTP, as the peers.
std::unique_ptr<System> NewRondaHttp(const std::string& dir);
std::unique_ptr<System> NewVictoriaMetrics(const std::string& dir);
std::unique_ptr<System> NewPrometheus(const std::string& dir);

// Bytes of the regular files below `path`; those below the folder `without` are left out.
int64_t BytesBelow(const std::string& path, const std::string& without = "");

}  // namespace ronda::bench
