// A real collector that tells a webhook of alerts, for tests of what people are told.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/http_sink.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_agent.h"

namespace ronda {

// A message that the webhook got.
struct Told {
  std::string key;     // Idempotency-Key
  std::string status;  // "firing", "resolved"
  std::string rule;
  std::string node;
  std::string reason;  // annotation ronda_reason
  std::string summary;
};

// Plain text, a socket, HTTP, a webhook; the folder stays over Stop() and Start().
class TellingCollector {
 public:
  // `config` is YAML besides the channels and http; `rules` a rule file.
  TellingCollector(const std::string& config, const std::string& rules);

  // False, and the log says why, if it does not come up.
  bool Start();
  void Kill();  // kill -9
  bool Stop();  // in order

  // The CLI, through the socket; standard output and error.
  Output Ronda(std::vector<std::string> arguments) const;
  // Also what stands there; waits at most 30 s.
  bool AlertsShow(const std::string& text) const;
  // A token of this role for HTTP; before Start(), so that it is known from the first.
  std::string Token(const std::string& role);

  // A connected agent of so many series (gauges and counters in turn) that ticked `ticks` times;
  // null if it was refused.
  std::unique_ptr<TestAgent> Agent(const std::string& node, int ticks = 1, int series = 1) const;

  std::vector<Told> told() const;
  // Waits until so many messages came, at most 30 s.
  bool WaitTold(size_t count) const;

  const std::string& http() const { return http_; }        // HOST:PORT
  const std::string& address() const { return address_; }  // likewise, gRPC
  std::string log() const;
  const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
  HttpSink sink_;
  Process process_;
  std::string address_;
  std::string http_;
};

}  // namespace ronda
