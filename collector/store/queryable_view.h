// A Queryable over another one, which passes on what it does not change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/queryable.h"

namespace ronda::store {

// A base for what changes some of the answers. Whatever Queryable gets must be passed on here, and
// nowhere else. The Queryable must outlive it.
class QueryableView : public Queryable {
 public:
  explicit QueryableView(const Queryable& data) : data_(data) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const SeriesView&)> visit) const override {
    return data_.Select(matchers, start_ms, end_ms, visit);
  }
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const SeriesView&)> visit) const override {
    return data_.SelectNewest(matchers, start_ms, end_ms, visit);
  }
  absl::StatusOr<TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                         Resolution resolution, int64_t start_ms,
                                         int64_t end_ms) const override {
    return data_.BucketsCover(matchers, resolution, start_ms, end_ms);
  }
  absl::Status SelectBuckets(const std::vector<Matcher>& matchers, Resolution resolution,
                             int64_t start_ms, int64_t end_ms,
                             absl::FunctionRef<bool(const BucketsView&)> visit) const override {
    return data_.SelectBuckets(matchers, resolution, start_ms, end_ms, visit);
  }
  std::vector<TimeRange> WithoutSamples(int64_t start_ms, int64_t end_ms) const override {
    return data_.WithoutSamples(start_ms, end_ms);
  }
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override {
    return data_.Series(matchers, start_ms, end_ms);
  }
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                      int64_t start_ms,
                                                      int64_t end_ms) const override {
    return data_.LabelNames(matchers, start_ms, end_ms);
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms,
                                                       int64_t end_ms) const override {
    return data_.LabelValues(name, matchers, start_ms, end_ms);
  }
  std::vector<MetricInfo> Metrics() const override { return data_.Metrics(); }

 protected:
  const Queryable& data_;
};

}  // namespace ronda::store
