#include "collector/query/select.h"

#include <algorithm>
#include <utility>
#include <vector>

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

// The part of `view` that the query asks for, into *out.
void Take(const SelectSpec& spec, const store::SeriesView& view, SeriesData* out) {
  if (spec.instant) {
    const size_t n = view.t_ms.size();
    if (n > 0 && !IsStale(view.values[n - 1])) {
      out->t_ms = {view.t_ms[n - 1]};
      out->values = {view.values[n - 1]};
    }
  } else if (spec.step_ms > 0) {
    SampleAtSteps(view.t_ms, view.values, spec.start_ms, spec.end_ms, spec.step_ms, out);
  } else {
    out->t_ms.assign(view.t_ms.begin(), view.t_ms.end());
    out->values.assign(view.values.begin(), view.values.end());
  }
}

int64_t ReadFrom(const SelectSpec& spec) {
  if (spec.instant) {
    return spec.end_ms - kLookbackMs + 1;
  }
  return spec.step_ms > 0 ? spec.start_ms - kLookbackMs + 1 : spec.start_ms + 1;
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
  std::vector<SeriesData> result;
  int64_t samples = 0;
  absl::Status stopped;
  auto take = [&](const store::SeriesView& view) {
    SeriesData series;
    Take(spec, view, &series);
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
      data.Select(spec.matchers, std::max<int64_t>(ReadFrom(spec), 0), spec.end_ms, take));
  RONDA_RETURN_IF_ERROR(stopped);
  std::sort(result.begin(), result.end(),
            [](const SeriesData& a, const SeriesData& b) { return a.labels < b.labels; });
  for (SeriesData& series : result) {
    if (!visit(std::move(series))) {
      break;
    }
  }
  return absl::OkStatus();
}

void SampleAtSteps(std::span<const int64_t> t_ms, std::span<const double> values, int64_t start_ms,
                   int64_t end_ms, int64_t step_ms, SeriesData* out) {
  size_t next = 0;
  for (int64_t point = start_ms; point <= end_ms; point += step_ms) {
    while (next < t_ms.size() && t_ms[next] <= point) {
      ++next;
    }
    if (next > 0 && point - t_ms[next - 1] < kLookbackMs && !IsStale(values[next - 1])) {
      out->t_ms.push_back(point);
      out->values.push_back(values[next - 1]);
    }
  }
}

}  // namespace ronda::query
