// Tested by tests/unit/collector/sql/tables_test.cc.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "collector/query/sample_stream.h"
#include "collector/sql/json_text.h"
#include "collector/sql/series_filter.h"
#include "collector/sql/tables.h"
#include "collector/sql/time_text.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::sql {
namespace {

enum ColumnIndex {
  kTMs,
  kTime,
  kValue,
  kMetric,
  kNode,
  kJob,
  kInstance,
  kLabels,
  kSeries,
  kSelector
};

constexpr SeriesColumns kSeriesColumns = {kMetric, kNode, kJob, kInstance, kSeries, kSelector};
// Agents may be ten minutes ahead; more than this nobody is.
constexpr int64_t kDayMs = 86'400'000;

class SamplesCursor final : public Cursor {
 public:
  SamplesCursor(query::Api& api, std::vector<Matcher> matchers, int64_t from_ms, int64_t to_ms,
                std::string match)
      : stream_(api, std::move(matchers), from_ms, to_ms), match_(std::move(match)) {}

  absl::StatusOr<bool> Next() override {
    for (;;) {
      for (; part_ != nullptr && next_ < part_->t_ms.size(); ++next_) {
        if (!IsStale(part_->values[next_])) {
          row_ = next_++;
          return true;
        }
      }
      RONDA_ASSIGN_OR_RETURN(part_, stream_.Next());
      if (part_ == nullptr) {
        return false;
      }
      next_ = 0;
      labels_json_.clear();
      series_text_.clear();
    }
  }

  Value Get(int column) override {
    switch (column) {
      case kTMs:
        return part_->t_ms[row_];
      case kTime:
        return TimeText(part_->t_ms[row_]);
      case kValue:
        return part_->values[row_];
      case kMetric:
        return Label(kMetricName);
      case kNode:
        return Label("node");
      case kJob:
        return Label("job");
      case kInstance:
        return Label("instance");
      case kLabels:
        if (labels_json_.empty()) {
          labels_json_ = LabelsJson(part_->labels);
        }
        return labels_json_;
      case kSeries:
        if (series_text_.empty()) {
          series_text_ = part_->labels.ToString();
        }
        return series_text_;
      default:
        return match_.empty() ? Value() : Value(match_);
    }
  }

 private:
  Value Label(std::string_view name) const { return std::string(part_->labels.Get(name)); }

  query::SampleStream stream_;
  const std::string match_;
  const query::SeriesData* part_ = nullptr;
  size_t next_ = 0;
  size_t row_ = 0;
  std::string labels_json_;
  std::string series_text_;
};

class SamplesTable final : public Table {
 public:
  SamplesTable(query::Api& api, int64_t now_ms) : api_(api), now_ms_(now_ms) {}

  std::string_view name() const override { return "samples"; }

  const std::vector<Column>& columns() const override {
    static const auto* const columns =
        new std::vector<Column>{{"t_ms", "INTEGER", Push::kTimeMs},
                                {"time", "TEXT", Push::kTimeText},
                                {"value", "REAL"},
                                {"metric", "TEXT", Push::kEqual},
                                {"node", "TEXT", Push::kEqual},
                                {"job", "TEXT", Push::kEqual},
                                {"instance", "TEXT", Push::kEqual},
                                {"labels", "TEXT"},
                                {"series", "TEXT", Push::kEqual},
                                {"selector", "TEXT", Push::kArgument}};
    return *columns;
  }

  absl::StatusOr<std::unique_ptr<Cursor>> Open(const Filter& filter) override {
    RONDA_ASSIGN_OR_RETURN(std::vector<Matcher> matchers, MatchersOf(filter, kSeriesColumns));
    if (matchers.empty() && !filter.bounded && !filter.limited) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "this would read every sample of every series: name a metric (WHERE metric = "
                  "'up'), a selector (FROM samples('up{{node=\"web1\"}}')) or a time (WHERE t_ms > "
                  "ago('15m')); WHERE t_ms > 0 if all is meant");
    }
    const auto match = filter.equal.find(kSelector);
    return std::make_unique<SamplesCursor>(api_, std::move(matchers), filter.from_ms,
                                           std::min(filter.to_ms, now_ms_ + kDayMs),
                                           match == filter.equal.end() ? "" : match->second);
  }

 private:
  query::Api& api_;
  const int64_t now_ms_;
};

}  // namespace

std::unique_ptr<Table> NewSamplesTable(query::Api& api, int64_t now_ms) {
  return std::make_unique<SamplesTable>(api, now_ms);
}

}  // namespace ronda::sql
