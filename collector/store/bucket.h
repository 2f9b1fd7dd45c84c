// What is kept of the samples of one minute or one hour for longer than the samples.
#pragma once

#include <cmath>
#include <cstdint>

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
  // Of a series that was in two schemas in turn within the bucket: then stale_at_end and resets may
  // not be exact. Never on disk.
  bool mixed = false;
  // Counters have `resets`, the sum of the values before each decrease inside the bucket. Others
  // have sum (compensated), min and max.
  double resets = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
};

inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 3'600'000;

// How much a counter grew from the first to the last sample of a bucket, as PromQL counts it: after
// a decrease it began anew at 0.
inline double IncreaseWithin(const Bucket& b) { return b.last - b.first + b.resets; }
// From the last sample of a bucket to the first of the next one that has samples. The increase over
// a window of whole buckets, before extrapolation, is the sum of both over its buckets.
inline double IncreaseBetween(const Bucket& before, const Bucket& after) {
  return after.first < before.last ? after.first : after.first - before.last;
}

}  // namespace ronda::store
