// What readers see of the store. The only store header that promql and rules may include.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/labels.h"
#include "common/model/matcher.h"
#include "common/model/metric.h"

namespace ronda::store {

// One series in a window: columns of equal length, times ascending and unique. Staleness markers
// are among the values (IsStale). Valid only during the visit.
struct SeriesView {
  const Labels& labels;
  const MetricInfo& metric;
  std::span<const int64_t> t_ms;
  std::span<const double> values;
};

// Thread-safe.
class Queryable {
 public:
  virtual ~Queryable() = default;

  // Calls `visit` once for each series that matches and has samples with start_ms <= t <= end_ms,
  // in no particular order, with all of them. Stops early when visit returns false. At least one
  // matcher is needed. Head, journal and blocks are merged; of samples with one time the first
  // durable one wins. kDataLoss is never returned for a damaged block: it is left out and counted.
  virtual absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms,
                              int64_t end_ms,
                              absl::FunctionRef<bool(const SeriesView&)> visit) const = 0;

  // The label sets of the series that match and may have samples in the window, sorted.
  virtual absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers,
                                                     int64_t start_ms, int64_t end_ms) const = 0;

  // The names of the labels that such series have, and the values that they have of one label;
  // sorted, unique. No matchers: of all series.
  virtual absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                              int64_t start_ms,
                                                              int64_t end_ms) const = 0;
  virtual absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                               const std::vector<Matcher>& matchers,
                                                               int64_t start_ms,
                                                               int64_t end_ms) const = 0;

  // Every metric ever declared, sorted by name.
  virtual std::vector<MetricInfo> Metrics() const = 0;
};

}  // namespace ronda::store
