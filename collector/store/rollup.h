// Roll-ups: what is kept of the samples of a minute or an hour for longer than the samples.
// Grammar: FORMAT.md, "Roll-up chunk".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::store {

// The samples of (end - resolution, end]. A staleness marker is not a sample: it only sets
// stale_at_end, which says that the last thing in the bucket is one. NaNs are samples: they count,
// and make the sum NaN; min and max leave them out if there is another value.
struct Bucket {
  int64_t end_ms = 0;
  int64_t count = 0;  // 0: only markers, and the rest means nothing
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  double first = 0;
  double last = 0;
  bool stale_at_end = false;
  // Counters have `resets`, the sum of the values before each decrease inside the bucket: the
  // increase over a window is last - first + resets + the values before decreases between buckets,
  // as PromQL computes it. Others have sum (compensated), min and max.
  double resets = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
};

inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 3'600'000;

// The buckets that are not empty, ascending. `t_ms` ascending, a value each.
std::vector<Bucket> MakeBuckets(std::span<const int64_t> t_ms, std::span<const double> values,
                                int64_t resolution_ms, bool is_counter);

// Body of a chunk. `ends` are all buckets of the row; those of `buckets` are among them.
std::string EncodeRollup(std::span<const Bucket> buckets, std::span<const int64_t> ends,
                         int64_t resolution_ms, bool is_counter);
// kDataLoss: damaged.
absl::StatusOr<std::vector<Bucket>> DecodeRollup(std::string_view body,
                                                 std::span<const int64_t> ends);

}  // namespace ronda::store
