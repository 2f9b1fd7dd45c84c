#include "collector/query/select.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "collector/store/long_history.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::query {
namespace {

// The end of the year 9999: later times are mistakes, and arithmetic on them could overflow.
constexpr int64_t kMaxTimeMs = 253'402'300'799'999;

absl::Status Validate(const SelectSpec& spec, const Limits& limits) {
  RONDA_RETURN_IF_ERROR(CheckNarrows(spec.matchers));
  const bool times_fit = spec.end_ms >= 0 && spec.end_ms <= kMaxTimeMs &&
                         (spec.instant || (spec.start_ms >= 0 && spec.start_ms <= spec.end_ms));
  if (!times_fit) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the window from {} to {} (milliseconds) ends before it begins or lies outside the "
                "years 1970 to 9999",
                spec.start_ms, spec.end_ms);
  }
  if (spec.step_ms < 0 || spec.step_ms > kMaxTimeMs) {
    return Fail(absl::StatusCode::kInvalidArgument, "a step of {} ms", spec.step_ms);
  }
  if (!spec.instant && spec.step_ms > 0 &&
      (spec.end_ms - spec.start_ms) / spec.step_ms >= limits.max_samples) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "a step of {} ms gives more points than the limit of {} samples a query: take a "
                "longer step or a shorter window",
                spec.step_ms, limits.max_samples);
  }
  return absl::OkStatus();
}

// Puts in points that have nothing in their look-back, because what is left is an hour apart.
void SampleThinned(const SelectSpec& spec, const store::SeriesView& view,
                   const store::LongHistory::Thinned& thinned, SeriesData* out) {
  SeriesData all;
  SampleAtSteps(view.t_ms, view.values, spec.start_ms, spec.end_ms, spec.step_ms, &all,
                thinned.resolution_ms);
  const SeriesData fine = std::exchange(*out, {});
  size_t next = 0;
  for (size_t i = 0; i < all.t_ms.size(); ++i) {
    const bool is_fine = next < fine.t_ms.size() && fine.t_ms[next] == all.t_ms[i];
    if (is_fine || all.t_ms[i] <= thinned.range.to_ms + thinned.resolution_ms) {
      out->t_ms.push_back(all.t_ms[i]);
      out->values.push_back(all.values[i]);
    }
    next += is_fine ? 1 : 0;
  }
}

// The part of `view` that the query asks for, into *out.
void Take(const SelectSpec& spec, const store::SeriesView& view,
          const store::LongHistory::Thinned& thinned, SeriesData* out) {
  if (spec.instant) {
    const size_t n = view.t_ms.size();
    if (n > 0 && !IsStale(view.values[n - 1])) {
      out->t_ms = {view.t_ms[n - 1]};
      out->values = {view.values[n - 1]};
    }
  } else if (spec.step_ms > 0) {
    SampleAtSteps(view.t_ms, view.values, spec.start_ms, spec.end_ms, spec.step_ms, out);
    if (thinned.resolution_ms > kLookbackMs) {
      SampleThinned(spec, view, thinned, out);
    }
  } else {
    out->t_ms.assign(view.t_ms.begin(), view.t_ms.end());
    out->values.assign(view.values.begin(), view.values.end());
  }
}

int64_t ReadFrom(const SelectSpec& spec) {
  if (spec.instant) {
    return spec.end_ms - kLookbackMs + 1;
  }
  // With long steps the first point may take what is left of an hour.
  const int64_t lookback_ms = spec.step_ms >= store::kHourMs ? store::kHourMs : kLookbackMs;
  return spec.step_ms > 0 ? spec.start_ms - lookback_ms + 1 : spec.start_ms + 1;
}

}  // namespace

absl::Status CheckNarrows(const std::vector<Matcher>& matchers) {
  const bool narrows = std::any_of(matchers.begin(), matchers.end(),
                                   [](const Matcher& m) { return !m.Matches(""); });
  return narrows ? absl::OkStatus()
                 : Fail(absl::StatusCode::kInvalidArgument,
                        "the selector would match every series: name a metric or a label value");
}

absl::Status SelectSeries(const store::Queryable& data, const Clock& clock, const Limits& limits,
                          const SelectSpec& spec, absl::FunctionRef<bool(SeriesData)> visit) {
  RONDA_RETURN_IF_ERROR(Validate(spec, limits));
  const int64_t deadline_ms = clock.MonotonicMs() + limits.max_ms;
  const store::LongHistory history = spec.instant || spec.step_ms == 0
                                         ? store::LongHistory(data, spec.step_ms)
                                         : store::LongHistory(data, spec.start_ms, spec.step_ms);
  std::vector<SeriesData> result;
  int64_t samples = 0;
  absl::Status stopped;
  auto take = [&](const store::SeriesView& view) {
    SeriesData series;
    Take(spec, view, history.thinned(), &series);
    if (!series.t_ms.empty()) {
      samples += static_cast<int64_t>(series.t_ms.size());
      series.labels = view.labels;
      series.metric = view.metric;
      result.push_back(std::move(series));
    }
    if (samples > limits.max_samples) {
      stopped = Fail(absl::StatusCode::kResourceExhausted,
                     "the answer is larger than the limit of {} samples a query: select fewer "
                     "series, take a shorter window or a step",
                     limits.max_samples);
    } else if (clock.MonotonicMs() > deadline_ms) {
      stopped = Fail(absl::StatusCode::kDeadlineExceeded,
                     "the query took longer than the limit of {} s: select fewer series or take a "
                     "shorter window",
                     limits.max_ms / 1000);
    }
    return stopped.ok();
  };
  RONDA_RETURN_IF_ERROR(
      history.Select(spec.matchers, std::max<int64_t>(ReadFrom(spec), 0), spec.end_ms, take));
  RONDA_RETURN_IF_ERROR(stopped);
  std::sort(result.begin(), result.end(),
            [](const SeriesData& a, const SeriesData& b) { return a.labels < b.labels; });
  const store::LongHistory::Thinned thinned = history.thinned();
  for (SeriesData& series : result) {
    series.thinned_ms = thinned.resolution_ms;
    series.thinned_to_ms = thinned.range.to_ms;
    if (!visit(std::move(series))) {
      break;
    }
  }
  return absl::OkStatus();
}

void SampleAtSteps(std::span<const int64_t> t_ms, std::span<const double> values, int64_t start_ms,
                   int64_t end_ms, int64_t step_ms, SeriesData* out, int64_t lookback_ms) {
  size_t next = 0;
  for (int64_t point = start_ms; point <= end_ms; point += step_ms) {
    while (next < t_ms.size() && t_ms[next] <= point) {
      ++next;
    }
    if (next > 0 && point - t_ms[next - 1] < lookback_ms && !IsStale(values[next - 1])) {
      out->t_ms.push_back(point);
      out->values.push_back(values[next - 1]);
    }
  }
}

}  // namespace ronda::query
