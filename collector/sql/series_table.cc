// Tested by tests/unit/collector/sql/tables_test.cc.
#include <cstddef>
#include <utility>

#include "collector/query/sample_stream.h"
#include "collector/sql/json_text.h"
#include "collector/sql/series_filter.h"
#include "collector/sql/tables.h"
#include "common/base/status.h"
#include "common/model/metric.h"

namespace ronda::sql {
namespace {

enum ColumnIndex {
  kSeries,
  kMetric,
  kNode,
  kJob,
  kInstance,
  kLabels,
  kType,
  kUnit,
  kHelp,
  kSelector
};

constexpr SeriesColumns kSeriesColumns = {kMetric, kNode, kJob, kInstance, kSeries, kSelector};
constexpr int64_t kDayMs = 86'400'000;

class SeriesCursor final : public Cursor {
 public:
  SeriesCursor(query::Api& api, std::vector<Matcher> matchers, int64_t end_ms, std::string match)
      : api_(api), matchers_(std::move(matchers)), end_ms_(end_ms), match_(std::move(match)) {}

  absl::StatusOr<bool> Next() override {
    if (!listed_) {
      RONDA_ASSIGN_OR_RETURN(metrics_, query::MatchingMetrics(api_, matchers_));
      listed_ = true;
    }
    while (++row_ >= series_.size()) {
      if (next_metric_ == metrics_.size()) {
        series_.clear();
        return false;
      }
      std::vector<Matcher> matchers = matchers_;
      matchers.push_back(Matcher::Equal(std::string(kMetricName), metrics_[next_metric_].name));
      ++next_metric_;
      RONDA_ASSIGN_OR_RETURN(series_, api_.Series(matchers, 0, end_ms_));
      row_ = static_cast<size_t>(-1);
    }
    return true;
  }

  Value Get(int column) override {
    const Labels& labels = series_[row_];
    const MetricInfo& metric = metrics_[next_metric_ - 1];
    switch (column) {
      case kSeries:
        return labels.ToString();
      case kMetric:
        return metric.name;
      case kNode:
        return std::string(labels.Get("node"));
      case kJob:
        return std::string(labels.Get("job"));
      case kInstance:
        return std::string(labels.Get("instance"));
      case kLabels:
        return LabelsJson(labels);
      case kType:
        return std::string(ToString(metric.type));
      case kUnit:
        return metric.unit;
      case kHelp:
        return metric.help;
      default:
        return match_.empty() ? Value() : Value(match_);
    }
  }

 private:
  query::Api& api_;
  const std::vector<Matcher> matchers_;
  const int64_t end_ms_;
  const std::string match_;
  bool listed_ = false;
  std::vector<MetricInfo> metrics_;
  size_t next_metric_ = 0;
  std::vector<Labels> series_;  // of the metric before next_metric_
  size_t row_ = static_cast<size_t>(-1);
};

class SeriesTable final : public Table {
 public:
  SeriesTable(query::Api& api, int64_t now_ms) : api_(api), now_ms_(now_ms) {}

  std::string_view name() const override { return "series"; }

  const std::vector<Column>& columns() const override {
    static const auto* const columns =
        new std::vector<Column>{{"series", "TEXT", Push::kEqual},
                                {"metric", "TEXT", Push::kEqual},
                                {"node", "TEXT", Push::kEqual},
                                {"job", "TEXT", Push::kEqual},
                                {"instance", "TEXT", Push::kEqual},
                                {"labels", "TEXT"},
                                {"type", "TEXT"},
                                {"unit", "TEXT"},
                                {"help", "TEXT"},
                                {"selector", "TEXT", Push::kArgument}};
    return *columns;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> Open(const Filter& filter) override {
    RONDA_ASSIGN_OR_RETURN(std::vector<Matcher> matchers, MatchersOf(filter, kSeriesColumns));
    const auto match = filter.equal.find(kSelector);
    return std::make_unique<SeriesCursor>(api_, std::move(matchers), now_ms_ + kDayMs,
                                          match == filter.equal.end() ? "" : match->second);
  }

 private:
  query::Api& api_;
  const int64_t now_ms_;
};

}  // namespace

std::unique_ptr<Table> NewSeriesTable(query::Api& api, int64_t now_ms) {
  return std::make_unique<SeriesTable>(api, now_ms);
}

}  // namespace ronda::sql
