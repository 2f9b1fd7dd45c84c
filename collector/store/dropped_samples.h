// What retention.max_size has cost of the present: samples that went before their time.
#pragma once

#include <cstdint>
#include <string>

namespace ronda::store {

// Samples of a node and group that were removed: those of [from_ms, to_ms].
struct DroppedSamples {
  std::string node;
  std::string group;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t samples = 0;  // at most: series times ticks
};

}  // namespace ronda::store
