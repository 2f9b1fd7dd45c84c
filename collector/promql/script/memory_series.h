// A store of series in memory: what scripts are run on, and tests of what reads a store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/queryable.h"
#include "common/model/labels.h"

namespace ronda::promql {

// Thread-safe once all series are added.
class MemorySeries : public store::Queryable {
 public:
  // The first sample at a time wins; false if there was one.
  bool Add(const Labels& labels, int64_t t_ms, double value);
  void Clear() { series_.clear(); }
  bool empty() const { return series_.empty(); }

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const store::SeriesView&)> visit) const override;
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                      int64_t start_ms,
                                                      int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms,
                                                       int64_t end_ms) const override;
  // None is declared here.
  std::vector<MetricInfo> Metrics() const override { return {}; }

 private:
  // Columns, times ascending.
  struct Columns {
    std::vector<int64_t> t_ms;
    std::vector<double> values;
  };
  std::map<Labels, Columns> series_;
};

}  // namespace ronda::promql
