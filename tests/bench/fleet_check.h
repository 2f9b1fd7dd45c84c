// Reads a fleet back from the collector, every sample of it, and holds it to what the agents sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/query/api.h"
#include "common/codec/range_set.h"
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

// What one node of a set sent.
struct SentNode {
  int node = 0;
  std::vector<int64_t> t_ms;                      // of its ticks, ascending
  const codec::RangeSet* acknowledged = nullptr;  // ticks from 1; null: all of them
};

// One raw query. Adds to *verdict. An error if the query fails.
absl::Status CheckNode(query::Api& api, const ScaleSet& set, const SentNode& sent,
                       FleetVerdict* verdict);
// Adds what the collector itself counted as there twice.
absl::Status AddCounted(query::Api& api, FleetVerdict* verdict);

// Both, of all that a load sent.
absl::StatusOr<FleetVerdict> CheckFleet(query::Api& api, const ScaleSet& set,
                                        const FleetLoad& load);

}  // namespace ronda::bench
