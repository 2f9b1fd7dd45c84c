// Reads a set back from a data folder, every sample of it, and holds it to what was sent.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/queryable.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

struct ReadBack {
  int64_t samples = 0;
  double cpu_seconds = 0;  // of reading, without the comparison; 0 if not measured
};

// Reads what is there of one node, and adds to *out. It must be all from tick `first_tick` on.
// Errors: as below.
absl::Status ReadBackNode(const store::Queryable& data, const ScaleSet& set, int node,
                          int64_t first_tick, ReadBack* out);

// One Select a node over all of its time. kDataLoss, with series and time: a sample is missing, is
// wrong in any bit, or was never sent.
absl::StatusOr<ReadBack> ReadBackAll(const ScaleSet& set, const std::string& data_dir);

}  // namespace ronda::bench
