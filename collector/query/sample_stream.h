// All samples of the series that match, series by series, in memory that does not grow with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "common/model/labels.h"
#include "common/model/matcher.h"
#include "common/model/metric.h"

namespace ronda::query {

// Reads raw samples with start <= t <= end in the order (metric, labels, time): the order does not
// depend on how the reading is cut into pieces. A metric that is small in the window is one
// Select; of a larger one each series is read by itself, in windows. Not thread-safe; the Api must
// outlive it.
class SampleStream {
 public:
  struct Options {
    // Of one Select, as estimated at a sample a second. What has more than the Api's own limit
    // is cut in halves until it fits.
    int64_t batch_samples = 2'000'000;
  };

  // `matchers` may be empty: every series. The times must be in [1, the year 9999].
  SampleStream(Api& api, std::vector<Matcher> matchers, int64_t start_ms, int64_t end_ms,
               Options options);
  SampleStream(Api& api, std::vector<Matcher> matchers, int64_t start_ms, int64_t end_ms)
      : SampleStream(api, std::move(matchers), start_ms, end_ms, Options()) {}

  // The next series, or the next part of the same series; null at the end. Valid until the next
  // call. Errors are the Api's.
  absl::StatusOr<const SeriesData*> Next();

  // Of what was planned so far: metrics that are done, and all.
  size_t metrics_done() const { return next_metric_ == 0 ? 0 : next_metric_ - 1; }
  size_t metrics() const { return metrics_.size(); }

 private:
  // One Select.
  struct Piece {
    std::vector<Matcher> matchers;
    Labels only;  // this series; empty: all that match
    int64_t start_ms = 0;
    int64_t end_ms = 0;
  };

  absl::Status PlanNextMetric();
  // Sets data_start_ms_ and data_end_ms_, to the day, for series that match.
  absl::Status FindRange(const std::vector<Matcher>& matchers);
  absl::StatusOr<bool> HasSeries(const std::vector<Matcher>& matchers, int64_t start_ms,
                                 int64_t end_ms);
  void PlanSeries(const std::vector<Labels>& series);
  absl::Status Read(const Piece& piece);
  // Into pieces of half the size; false if it cannot be cut.
  absl::StatusOr<bool> Cut(const Piece& piece);

  Api& api_;
  const std::vector<Matcher> matchers_;
  const int64_t start_ms_;
  const int64_t end_ms_;
  const Options options_;

  bool listed_ = false;
  std::vector<MetricInfo> metrics_;
  size_t next_metric_ = 0;
  // Where the last metric had data; the window, if that is not long.
  int64_t data_start_ms_;
  int64_t data_end_ms_;
  bool range_found_ = false;
  std::deque<Piece> pieces_;  // of the present metric
  std::deque<SeriesData> batch_;
  SeriesData current_;
};

// Matchers that this series fits, and none that has other values of its labels.
std::vector<Matcher> ExactMatchers(const Labels& labels);

// The metrics that the matchers of __name__ let pass, by name.
absl::StatusOr<std::vector<MetricInfo>> MatchingMetrics(Api& api,
                                                        const std::vector<Matcher>& matchers);

}  // namespace ronda::query
