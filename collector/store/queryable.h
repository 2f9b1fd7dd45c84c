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
#include "collector/store/bucket.h"
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

// How long a bucket is.
enum class Resolution { kMinute, kHour };
constexpr int64_t ResolutionMs(Resolution resolution) {
  return resolution == Resolution::kMinute ? kMinuteMs : kHourMs;
}

// The buckets of one series, ascending by their ends; empty ones are not there. Valid only during
// the visit.
struct BucketsView {
  const Labels& labels;
  const MetricInfo& metric;  // of a counter buckets have `resets`, else sum, min and max
  std::span<const Bucket> buckets;
};

// A time that is open to the left: (from, to]. Empty if to_ms <= from_ms.
struct TimeRange {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  bool operator==(const TimeRange&) const = default;
};

// Thread-safe.
//
// Buckets. Samples are rolled up when they come into level 1, at the earliest ten minutes after
// their window of two hours; late ones are rolled up anew with what was there. What is newer has no
// buckets. So a query that can be answered from them asks BucketsCover() first, reads buckets for
// the windows inside of that, and samples for the rest:
//
//   * a window (t - range, t] whose ends are multiples of the resolution is whole buckets: those
//     with t - range < end_ms <= t;
//   * of them come count_, sum_, avg_, min_, max_, last_ and first_over_time, present_over_time,
//     rate, increase and resets' sum (IncreaseWithin, IncreaseBetween; extrapolation needs the
//     first and the last sample's time and value, which are there), but not, for instance,
//     quantiles or changes();
//   * an instant selector at t with a look-back of at least the resolution takes the bucket that
//     ends at t, if it is one: `last`, unless stale_at_end.
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

  // The same for who needs only the newest sample of each series: older ones may be left out, and
  // mostly are, so that what is far back in the window is not even read.
  virtual absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms,
                                    int64_t end_ms,
                                    absl::FunctionRef<bool(const SeriesView&)> visit) const {
    return Select(matchers, start_ms, end_ms, visit);
  }

  // The time in which buckets hold all that Select() gives of the series that match, within (start,
  // end]; its ends are multiples of the resolution. Late samples that wait for compaction end it
  // before them. Empty by default: a Queryable need not have buckets.
  virtual absl::StatusOr<TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                                 Resolution resolution, int64_t start_ms,
                                                 int64_t end_ms) const {
    (void)matchers, (void)resolution, (void)end_ms;
    return TimeRange{start_ms, start_ms};
  }

  // Calls `visit` once for each series that matches and has buckets with start_ms <= end_ms of the
  // bucket <= end_ms, in no particular order. Of what is not covered there may be buckets that miss
  // samples. Stops early when visit returns false. At least one matcher is needed. Damaged rows are
  // left out and counted.
  virtual absl::Status SelectBuckets(const std::vector<Matcher>& matchers, Resolution resolution,
                                     int64_t start_ms, int64_t end_ms,
                                     absl::FunctionRef<bool(const BucketsView&)> visit) const {
    (void)matchers, (void)resolution, (void)start_ms, (void)end_ms, (void)visit;
    return absl::OkStatus();
  }

  // The parts of (start, end] whose samples are gone, or have not come into level 1 yet: where
  // buckets may know more than Select(). Ascending. See long_history.h.
  virtual std::vector<TimeRange> WithoutSamples(int64_t start_ms, int64_t end_ms) const {
    (void)start_ms, (void)end_ms;
    return {};
  }

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
