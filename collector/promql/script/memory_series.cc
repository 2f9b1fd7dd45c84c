#include "collector/promql/script/memory_series.h"

#include <algorithm>
#include <set>
#include <span>

namespace ronda::promql {

bool MemorySeries::Add(const Labels& labels, int64_t t_ms, double value) {
  Columns& columns = series_[labels];
  const auto at = std::lower_bound(columns.t_ms.begin(), columns.t_ms.end(), t_ms);
  if (at != columns.t_ms.end() && *at == t_ms) {
    return false;
  }
  columns.values.insert(columns.values.begin() + (at - columns.t_ms.begin()), value);
  columns.t_ms.insert(at, t_ms);
  return true;
}

absl::Status MemorySeries::Select(const std::vector<Matcher>& matchers, int64_t start_ms,
                                  int64_t end_ms,
                                  absl::FunctionRef<bool(const store::SeriesView&)> visit) const {
  const MetricInfo metric;
  for (const auto& [labels, columns] : series_) {
    if (!MatchesAll(labels, matchers)) {
      continue;
    }
    const auto& times = columns.t_ms;
    const auto begin = std::lower_bound(times.begin(), times.end(), start_ms);
    const auto end = std::upper_bound(begin, times.end(), end_ms);
    const auto from = static_cast<size_t>(begin - times.begin());
    const auto count = static_cast<size_t>(end - begin);
    if (count > 0 && !visit({labels, metric, std::span(times).subspan(from, count),
                             std::span(columns.values).subspan(from, count)})) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Labels>> MemorySeries::Series(const std::vector<Matcher>& matchers,
                                                         int64_t start_ms, int64_t end_ms) const {
  std::vector<Labels> found;
  const absl::Status status =
      Select(matchers, start_ms, end_ms, [&found](const store::SeriesView& series) {
        found.push_back(series.labels);
        return true;
      });
  if (!status.ok()) {
    return status;
  }
  return found;
}

absl::StatusOr<std::vector<std::string>> MemorySeries::LabelNames(
    const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms) const {
  const absl::StatusOr<std::vector<Labels>> series = Series(matchers, start_ms, end_ms);
  if (!series.ok()) {
    return series.status();
  }
  std::set<std::string> names;
  for (const Labels& labels : *series) {
    for (const Label& label : labels.all()) {
      names.insert(label.name);
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<std::vector<std::string>> MemorySeries::LabelValues(
    std::string_view name, const std::vector<Matcher>& matchers, int64_t start_ms,
    int64_t end_ms) const {
  const absl::StatusOr<std::vector<Labels>> series = Series(matchers, start_ms, end_ms);
  if (!series.ok()) {
    return series.status();
  }
  std::set<std::string> values;
  for (const Labels& labels : *series) {
    if (!labels.Get(name).empty()) {
      values.emplace(labels.Get(name));
    }
  }
  return std::vector<std::string>(values.begin(), values.end());
}

}  // namespace ronda::promql
