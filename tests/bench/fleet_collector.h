// The collector that a fleet is measured with: a child process on loopback.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace ronda::bench {

struct FleetCollectorOptions {
  std::string dir;        // for its files; must be there
  std::string data;       // its data folder; made if absent
  int agents = 0;         // that will connect
  bool tls = false;       // of the authority that the data folder has
  std::string rules;      // a rule file's text
  std::string more = {};  // appended to collector.yml
};

class FleetCollector {
 public:
  // Raises this process' limit of open files too: both sides hold a connection an agent.
  // kResourceExhausted if the limit is too low, kUnavailable if the collector does not start.
  static absl::StatusOr<std::unique_ptr<FleetCollector>> Start(
      const FleetCollectorOptions& options);

  int port() const { return port_; }
  pid_t pid() const { return process_.pid(); }
  const std::string& socket() const { return socket_; }
  // Ends it in order; kInternal if it fails then.
  absl::Status Stop();

 private:
  FleetCollector() = default;

  Process process_;
  std::string socket_;
  int port_ = 0;
};

}  // namespace ronda::bench
