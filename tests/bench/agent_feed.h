// Sends a set to a collector as its agents would after an outage, or tick by tick.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

struct FeedOptions {
  std::string address;
  // One tick a message in the live lane, as agents do at 1 Hz; else whole runs in messages of
  // 64 KiB in the backfill lane, as they do after an outage.
  bool live = false;
};

// One stream a node, all nodes at the same time, in order of time, as fast as acknowledgements
// come. Returns when all of it is acknowledged. kInternal: a frame was refused or a stream ended.
absl::Status FeedCollector(const ScaleSet& set, const FeedOptions& options);

}  // namespace ronda::bench
