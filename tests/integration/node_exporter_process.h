// A running node_exporter.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda {

// Runs Debian's prometheus-node-exporter on a free loopback port with only `collectors`.
class NodeExporterProcess {
 public:
  NodeExporterProcess() = default;
  ~NodeExporterProcess();
  NodeExporterProcess(const NodeExporterProcess&) = delete;
  NodeExporterProcess& operator=(const NodeExporterProcess&) = delete;

  // kNotFound if it is not installed; waits until it answers, ten seconds at most.
  absl::Status Start(const std::vector<std::string>& collectors);

  // The body of /metrics.
  absl::StatusOr<std::string> Scrape() const;

 private:
  pid_t pid_ = -1;
  uint16_t port_ = 0;
};

}  // namespace ronda
