// Reads a fleet back from the collector, every sample of it, and holds it to what the agents sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/query/api.h"
#include "tests/bench/fleet_load.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

struct FleetVerdict {
  int64_t samples = 0;     // read and right
  int64_t lost = 0;        // acknowledged and not there
  int64_t duplicated = 0;  // there twice, by the answer or by the collector's own count
  int64_t wrong = 0;       // another value than was sent, or a time or series that never was
  std::string example;     // of what is not as it should be
};

// One raw query a node. An error if a query fails.
absl::StatusOr<FleetVerdict> CheckFleet(query::Api& api, const ScaleSet& set,
                                        const FleetLoad& load);

}  // namespace ronda::bench
