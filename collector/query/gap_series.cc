// Tested by tests/unit/collector/query/gap_series_test.cc.
#include "collector/query/gap_series.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "collector/store/hole.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::query {
namespace {

constexpr int64_t kEachMs = 15'000;

const MetricInfo& GapMetric() {
  static const MetricInfo metric{std::string(kGapMetric), MetricType::kGauge, "",
                                 "1 while samples of the node are missing, and why (not stored)."};
  return metric;
}

std::vector<std::string> Sorted(const std::set<std::string>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

bool SelectsGaps(const std::vector<Matcher>& matchers) {
  return std::any_of(matchers.begin(), matchers.end(), [](const Matcher& matcher) {
    return matcher.name() == kMetricName && matcher.type() == Matcher::Type::kEqual &&
           matcher.value() == kGapMetric;
  });
}

bool MentionsGaps(std::string_view expr) { return expr.find(kGapMetric) != expr.npos; }

absl::StatusOr<std::vector<WithGaps::GapSeries>> WithGaps::Find(
    const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms) const {
  std::vector<GapSeries> found;
  if (!SelectsGaps(matchers)) {
    return found;
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<Gap> gaps, read_(start_ms, end_ms));
  std::map<std::string, Labels, std::less<>> of_nodes;
  for (store::NodeInfo& info : store_.Nodes()) {
    of_nodes[info.name] = std::move(info.labels);
  }
  std::map<Labels, std::vector<Interval>> by_labels;
  for (const Gap& gap : gaps) {  // by their begin
    if (gap.cause == store::kLateCause) {
      continue;
    }
    Labels labels = of_nodes[gap.node];
    labels.Set(kMetricName, kGapMetric);
    labels.Set("node", gap.node);
    labels.Set("cause", gap.cause);
    labels.Set("group", gap.group);
    if (!MatchesAll(labels, matchers)) {
      continue;
    }
    const int64_t to_ms =
        gap.to_ms == 0 ? std::numeric_limits<int64_t>::max() : std::max(gap.to_ms, gap.from_ms + 1);
    std::vector<Interval>& intervals = by_labels[labels];
    if (!intervals.empty() && gap.from_ms <= intervals.back().to_ms) {
      intervals.back().to_ms = std::max(intervals.back().to_ms, to_ms);
    } else {
      intervals.push_back({gap.from_ms, to_ms});
    }
  }
  for (auto& [labels, intervals] : by_labels) {
    found.push_back({labels, std::move(intervals)});
  }
  return found;
}

absl::Status WithGaps::Select(const std::vector<Matcher>& matchers, int64_t start_ms,
                              int64_t end_ms,
                              absl::FunctionRef<bool(const store::SeriesView&)> visit) const {
  if (!SelectsGaps(matchers)) {
    return store_.Select(matchers, start_ms, end_ms, visit);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<GapSeries> found, Find(matchers, start_ms, end_ms));
  for (const GapSeries& series : found) {
    std::vector<int64_t> t_ms;
    std::vector<double> values;
    const auto add = [&](int64_t t, double value) {
      if (t >= start_ms && t <= end_ms) {
        t_ms.push_back(t);
        values.push_back(value);
      }
    };
    for (const Interval& gap : series.intervals) {
      const int64_t last_ms = std::min({gap.to_ms - 1, end_ms, std::max(now_ms_, gap.from_ms)});
      const int64_t before = std::max<int64_t>(start_ms - gap.from_ms, 0);
      for (int64_t t = gap.from_ms + before / kEachMs * kEachMs; t <= last_ms; t += kEachMs) {
        add(t, 1);
      }
      add(gap.to_ms, StaleMarker());
    }
    if (!t_ms.empty() && !visit({series.labels, GapMetric(), t_ms, values})) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status WithGaps::SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms,
                                    int64_t end_ms,
                                    absl::FunctionRef<bool(const store::SeriesView&)> visit) const {
  return SelectsGaps(matchers) ? Select(matchers, start_ms, end_ms, visit)
                               : store_.SelectNewest(matchers, start_ms, end_ms, visit);
}

absl::StatusOr<store::TimeRange> WithGaps::BucketsCover(const std::vector<Matcher>& matchers,
                                                        store::Resolution resolution,
                                                        int64_t start_ms, int64_t end_ms) const {
  if (SelectsGaps(matchers)) {
    return store::TimeRange{start_ms, start_ms};
  }
  return store_.BucketsCover(matchers, resolution, start_ms, end_ms);
}

absl::Status WithGaps::SelectBuckets(
    const std::vector<Matcher>& matchers, store::Resolution resolution, int64_t start_ms,
    int64_t end_ms, absl::FunctionRef<bool(const store::BucketsView&)> visit) const {
  return SelectsGaps(matchers)
             ? absl::OkStatus()
             : store_.SelectBuckets(matchers, resolution, start_ms, end_ms, visit);
}

absl::StatusOr<std::vector<Labels>> WithGaps::Series(const std::vector<Matcher>& matchers,
                                                     int64_t start_ms, int64_t end_ms) const {
  if (!SelectsGaps(matchers)) {
    return store_.Series(matchers, start_ms, end_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<GapSeries> found, Find(matchers, start_ms, end_ms));
  std::vector<Labels> labels;
  for (const GapSeries& series : found) {
    labels.push_back(series.labels);
  }
  return labels;
}

absl::StatusOr<std::vector<std::string>> WithGaps::LabelNames(const std::vector<Matcher>& matchers,
                                                              int64_t start_ms,
                                                              int64_t end_ms) const {
  if (!SelectsGaps(matchers)) {
    return store_.LabelNames(matchers, start_ms, end_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series, Series(matchers, start_ms, end_ms));
  std::set<std::string> names;
  for (const Labels& labels : series) {
    for (const Label& label : labels.all()) {
      names.insert(label.name);
    }
  }
  return Sorted(names);
}

absl::StatusOr<std::vector<std::string>> WithGaps::LabelValues(std::string_view name,
                                                               const std::vector<Matcher>& matchers,
                                                               int64_t start_ms,
                                                               int64_t end_ms) const {
  if (!SelectsGaps(matchers)) {
    return store_.LabelValues(name, matchers, start_ms, end_ms);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series, Series(matchers, start_ms, end_ms));
  std::set<std::string> values;
  for (const Labels& labels : series) {
    values.insert(std::string(labels.Get(name)));
  }
  values.erase("");
  return Sorted(values);
}

std::vector<MetricInfo> WithGaps::Metrics() const {
  std::vector<MetricInfo> metrics = store_.Metrics();
  metrics.push_back(GapMetric());
  std::sort(metrics.begin(), metrics.end(),
            [](const MetricInfo& a, const MetricInfo& b) { return a.name < b.name; });
  return metrics;
}

}  // namespace ronda::query
