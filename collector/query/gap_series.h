// Gaps as series, so that expressions and charts see what is missing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/store/queryable_view.h"
#include "collector/store/store.h"

namespace ronda::query {

// ronda_gap{node, cause, group and the node's own labels} is 1 from the begin of a gap to its end,
// each 15 s, with a staleness marker there; `group` only where not all of the node is missing. It
// is made when it is asked for by its name, and nothing stores it: a selector of many names does
// not have it, nor has the list of metrics, by which an export goes.
inline constexpr std::string_view kGapMetric = "ronda_gap";

// True if one of the matchers asks for it.
bool SelectsGaps(const std::vector<Matcher>& matchers);
// True if the expression may ask for it.
bool MentionsGaps(std::string_view expr);

// The store with that series. Of the store's it has only samples: no buckets of gaps.
class WithGaps : public store::QueryableView {
 public:
  // Gaps that touch [start, end].
  using Read = std::function<absl::StatusOr<std::vector<Gap>>(int64_t start_ms, int64_t end_ms)>;
  // A gap that lasts does so until `now_ms`. The store must outlive it.
  WithGaps(const store::Store& store, Read read, int64_t now_ms)
      : QueryableView(store), store_(store), read_(std::move(read)), now_ms_(now_ms) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const store::SeriesView&)> visit) const override;
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<bool(const store::SeriesView&)> visit) const override;
  absl::StatusOr<store::TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                                store::Resolution resolution, int64_t start_ms,
                                                int64_t end_ms) const override;
  absl::Status SelectBuckets(
      const std::vector<Matcher>& matchers, store::Resolution resolution, int64_t start_ms,
      int64_t end_ms, absl::FunctionRef<bool(const store::BucketsView&)> visit) const override;
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>& matchers, int64_t start_ms,
                                             int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>& matchers,
                                                      int64_t start_ms,
                                                      int64_t end_ms) const override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const std::vector<Matcher>& matchers,
                                                       int64_t start_ms,
                                                       int64_t end_ms) const override;
  std::vector<MetricInfo> Metrics() const override;

 private:
  struct Interval {
    int64_t from_ms;
    int64_t to_ms;  // > from_ms
  };
  struct GapSeries {
    Labels labels;
    std::vector<Interval> intervals;  // ascending, apart
  };
  absl::StatusOr<std::vector<GapSeries>> Find(const std::vector<Matcher>& matchers,
                                              int64_t start_ms, int64_t end_ms) const;

  const store::Store& store_;
  const Read read_;
  const int64_t now_ms_;
};

}  // namespace ronda::query
