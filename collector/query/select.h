// Samples of the series that match: raw, at one instant, or at the points of a range.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/query/api.h"
#include "collector/store/queryable.h"
#include "common/base/clock.h"
#include "common/model/matcher.h"

namespace ronda::query {

// What one query may cost.
struct Limits {
  int64_t max_samples = 10'000'000;  // in the answer: 160 MB
  int64_t max_ms = 30'000;
};

// kInvalidArgument unless a matcher does not match the empty value.
absl::Status CheckNarrows(const std::vector<Matcher>& matchers);

// Calls `visit` once a series, in the order of their labels, after the store has been read: a slow
// receiver holds nothing of the store. Errors: see Api.
absl::Status SelectSeries(const store::Queryable& data, const Clock& clock, const Limits& limits,
                          const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit);

// Appends to *out, for each of start, start + step, ... <= end, the newest sample not older than
// `lookback_ms`, unless it is a staleness marker (as PromQL does). Times must be ascending; *out's
// times are the points'.
void SampleAtSteps(std::span<const int64_t> t_ms, std::span<const double> values, int64_t start_ms,
                   int64_t end_ms, int64_t step_ms, SeriesData* out,
                   int64_t lookback_ms = kLookbackMs);

}  // namespace ronda::query
