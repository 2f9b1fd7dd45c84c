// What functions make of the roll-ups in a window: the answer that the samples under them would
// give, in a sixtieth of the time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "collector/promql/functions.h"
#include "collector/store/bucket.h"
#include "common/model/metric.h"

namespace ronda::promql {

// Whole buckets, ascending, none of them `mixed`; at least one has samples.
struct BucketWindow {
  std::span<const store::Bucket> buckets;
  int64_t begin_ms;
  int64_t end_ms;
};

struct BucketFunction {
  // Of whose series the buckets have what it needs.
  enum class Of { kAll, kCounters, kOthers };
  Of of;
  // Sets *value, to Absent() for none. False if only the samples can tell.
  bool (*evaluate)(const BucketWindow& window, double* value);

  bool Takes(MetricType type) const {
    return of == Of::kAll || (of == Of::kCounters) == (type == MetricType::kCounter);
  }
};

// Nothing if buckets do not have what the function needs.
std::optional<BucketFunction> FindBucketFunction(FunctionId id);
// An instant selector, whose window is the look-back: the newest sample, or its time in seconds.
BucketFunction NewestOfBuckets(bool timestamps);

}  // namespace ronda::promql
