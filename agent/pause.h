// Maintenance: `ronda-agent pause` leaves an order in a file beside the spool, and the agent that
// runs looks for it each second. It listens on nothing, and the order outlives its restart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config.h"

namespace ronda::agent {

struct PauseOrder {
  int64_t from_ms = 0;
  int64_t until_ms = 0;  // 0: until it is ended
  std::string reason;    // one line

  bool IsOver(int64_t now_ms) const { return until_ms != 0 && now_ms >= until_ms; }
};

// In the folder of spool.path, or of its default if nothing is kept on disk.
std::string PauseFile(const AgentConfig& config);

// Makes the folder if need be.
absl::Status WritePause(const std::string& path, const PauseOrder& order);
// Nothing: no order. kDataLoss: it is no order.
absl::StatusOr<std::optional<PauseOrder>> ReadPause(const std::string& path);
absl::Status RemovePause(const std::string& path);

}  // namespace ronda::agent
