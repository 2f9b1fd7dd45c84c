#include "collector/store/long_history.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::store {
namespace {

struct Points {
  MetricInfo metric;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};
using PointsBySeries = std::map<Labels, Points>;

// What buckets say of a series' samples, as samples.
void AddPoints(const BucketsView& view, const TimeRange& range, PointsBySeries* out) {
  Points& points = (*out)[view.labels];
  points.metric = view.metric;
  const auto add = [&](int64_t t_ms, double value) {
    if (t_ms > range.from_ms && t_ms <= range.to_ms &&
        (points.t_ms.empty() || points.t_ms.back() < t_ms)) {
      points.t_ms.push_back(t_ms);
      points.values.push_back(value);
    }
  };
  for (const Bucket& bucket : view.buckets) {
    if (bucket.count > 0) {
      add(bucket.last_ms, bucket.last);
    }
    if (bucket.stale_at_end) {
      add(bucket.end_ms, StaleMarker());
    }
  }
}

// Both ascending; of two at one time that of `samples` stays.
Points Merge(const Points& thin, const SeriesView& samples) {
  Points out;
  size_t i = 0;
  size_t j = 0;
  while (i < thin.t_ms.size() || j < samples.t_ms.size()) {
    const bool take_thin =
        j == samples.t_ms.size() || (i < thin.t_ms.size() && thin.t_ms[i] < samples.t_ms[j]);
    if (!take_thin && i < thin.t_ms.size() && thin.t_ms[i] == samples.t_ms[j]) {
      ++i;
    }
    out.t_ms.push_back(take_thin ? thin.t_ms[i] : samples.t_ms[j]);
    out.values.push_back(take_thin ? thin.values[i] : samples.values[j]);
    ++(take_thin ? i : j);
  }
  return out;
}

// Appends what both resolutions have of `range`: minutes where there are any.
absl::Status ReadThinned(const Queryable& data, const std::vector<Matcher>& matchers,
                         const TimeRange& range, int64_t step_ms, PointsBySeries* out,
                         int64_t* resolution_ms) {
  int64_t minutes_from_ms = range.to_ms;
  PointsBySeries minutes;
  if (step_ms < kHourMs) {
    RONDA_RETURN_IF_ERROR(data.SelectBuckets(
        matchers, Resolution::kMinute, range.from_ms + 1, range.to_ms + kMinuteMs - 1,
        [&](const BucketsView& view) {
          minutes_from_ms = std::min(minutes_from_ms, view.buckets.front().end_ms - kMinuteMs);
          AddPoints(view, range, &minutes);
          *resolution_ms = std::max(*resolution_ms, kMinuteMs);
          return true;
        }));
  }
  const TimeRange hours{range.from_ms, minutes_from_ms};
  if (hours.to_ms > hours.from_ms) {
    RONDA_RETURN_IF_ERROR(data.SelectBuckets(matchers, Resolution::kHour, hours.from_ms + 1,
                                             hours.to_ms + kHourMs - 1,
                                             [&](const BucketsView& view) {
                                               AddPoints(view, hours, out);
                                               *resolution_ms = kHourMs;
                                               return true;
                                             }));
  }
  for (auto& [labels, points] : minutes) {
    Points& all = (*out)[labels];
    all.metric = points.metric;
    all.t_ms.insert(all.t_ms.end(), points.t_ms.begin(), points.t_ms.end());
    all.values.insert(all.values.end(), points.values.begin(), points.values.end());
  }
  return absl::OkStatus();
}

}  // namespace

LongHistory::Thinned LongHistory::thinned() const {
  MutexLock lock(&mu_);
  return thinned_;
}

absl::Status LongHistory::SelectByMinute(const std::vector<Matcher>& matchers, int64_t start_ms,
                                         int64_t end_ms, const TimeRange& minutes,
                                         absl::FunctionRef<bool(const SeriesView&)> visit) const {
  PointsBySeries all;
  RONDA_RETURN_IF_ERROR(data_.SelectBuckets(matchers, Resolution::kMinute, minutes.from_ms + 1,
                                            minutes.to_ms, [&](const BucketsView& view) {
                                              AddPoints(view, minutes, &all);
                                              return true;
                                            }));
  for (const auto& [from_ms, to_ms] :
       {std::pair(start_ms, minutes.from_ms), std::pair(minutes.to_ms + 1, end_ms)}) {
    if (from_ms > to_ms) {
      continue;
    }
    RONDA_RETURN_IF_ERROR(data_.Select(matchers, from_ms, to_ms, [&](const SeriesView& view) {
      Points& points = all[view.labels];
      points = Merge(points, view);
      points.metric = view.metric;
      return true;
    }));
  }
  for (const auto& [labels, points] : all) {
    if (!points.t_ms.empty() && !visit({labels, points.metric, points.t_ms, points.values})) {
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status LongHistory::Select(const std::vector<Matcher>& matchers, int64_t start_ms,
                                 int64_t end_ms,
                                 absl::FunctionRef<bool(const SeriesView&)> visit) const {
  PointsBySeries thin;
  Thinned now;
  const std::vector<TimeRange> without = data_.WithoutSamples(start_ms - 1, end_ms);
  if (minutes_do_) {
    RONDA_ASSIGN_OR_RETURN(const TimeRange minutes,
                           data_.BucketsCover(matchers, Resolution::kMinute, start_ms - 1, end_ms));
    // What has not come into level 1 yet has no buckets either.
    const bool all_there = std::all_of(without.begin(), without.end(), [&](const TimeRange& gone) {
      return gone.from_ms >= minutes.to_ms;
    });
    if (minutes.to_ms > minutes.from_ms && all_there) {
      return SelectByMinute(matchers, start_ms, end_ms, minutes, visit);
    }
  }
  for (const TimeRange& gone : without) {
    RONDA_RETURN_IF_ERROR(ReadThinned(data_, matchers, gone, step_ms_, &thin, &now.resolution_ms));
  }
  std::erase_if(thin, [](const auto& one) { return one.second.t_ms.empty(); });
  for (const auto& [labels, points] : thin) {
    const bool is_first = now.range.to_ms <= now.range.from_ms;
    now.range.from_ms =
        is_first ? points.t_ms.front() - 1 : std::min(now.range.from_ms, points.t_ms.front() - 1);
    now.range.to_ms = std::max(is_first ? points.t_ms.back() : now.range.to_ms, points.t_ms.back());
  }
  if (!thin.empty()) {
    MutexLock lock(&mu_);
    const bool is_first = thinned_.resolution_ms == 0;
    thinned_.range.from_ms =
        is_first ? now.range.from_ms : std::min(thinned_.range.from_ms, now.range.from_ms);
    thinned_.range.to_ms =
        is_first ? now.range.to_ms : std::max(thinned_.range.to_ms, now.range.to_ms);
    thinned_.resolution_ms = std::max(thinned_.resolution_ms, now.resolution_ms);
  }
  bool more = true;
  RONDA_RETURN_IF_ERROR(data_.Select(matchers, start_ms, end_ms, [&](const SeriesView& view) {
    const auto older = thin.find(view.labels);
    if (older == thin.end()) {
      more = visit(view);
      return more;
    }
    const Points merged = Merge(older->second, view);
    thin.erase(older);
    more = visit({view.labels, view.metric, merged.t_ms, merged.values});
    return more;
  }));
  for (auto it = thin.begin(); more && it != thin.end(); ++it) {
    more = visit({it->first, it->second.metric, it->second.t_ms, it->second.values});
  }
  return absl::OkStatus();
}

absl::Status LongHistory::SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms,
                                       int64_t end_ms,
                                       absl::FunctionRef<bool(const SeriesView&)> visit) const {
  return data_.WithoutSamples(start_ms - 1, end_ms).empty()
             ? data_.SelectNewest(matchers, start_ms, end_ms, visit)
             : Select(matchers, start_ms, end_ms, visit);
}

}  // namespace ronda::store
