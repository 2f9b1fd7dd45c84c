#include "collector/query/evaluate.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/promql/engine.h"
#include "collector/store/long_history.h"
#include "common/base/status.h"

namespace ronda::query {
namespace {

// The end of the year 9999, as in Select().
constexpr int64_t kMaxTimeMs = 253'402'300'799'999;

std::string TypeName(promql::ValueType type) {
  switch (type) {
    case promql::ValueType::kScalar:
      return "scalar";
    case promql::ValueType::kString:
      return "string";
    case promql::ValueType::kVector:
      return "vector";
    case promql::ValueType::kMatrix:
      break;
  }
  return "matrix";
}

absl::Status Validate(const EvalSpec& spec, const Limits& limits) {
  if (spec.end_ms < 0 || spec.end_ms > kMaxTimeMs || spec.step_ms < 0 ||
      (spec.step_ms > 0 && (spec.start_ms < 0 || spec.start_ms > spec.end_ms))) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the window from {} to {} (milliseconds) each {} ms ends before it begins or lies "
                "outside the years 1970 to 9999",
                spec.start_ms, spec.end_ms, spec.step_ms);
  }
  if (spec.step_ms > 0 && (spec.end_ms - spec.start_ms) / spec.step_ms >= limits.max_samples) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "a step of {} ms gives more points than the limit of {} samples a query: take a "
                "longer step or a shorter window",
                spec.step_ms, limits.max_samples);
  }
  return absl::OkStatus();
}

// With steps of an hour and more, and where no samples are: what is newer than level 1 is as well,
// but nobody asks for hours of that.
bool BeginsThinned(const store::Queryable& data, const EvalSpec& spec) {
  if (spec.step_ms < store::kHourMs) {
    return false;
  }
  const std::vector<store::TimeRange> gone = data.WithoutSamples(spec.start_ms, spec.end_ms);
  return !gone.empty() && gone.front().from_ms == spec.start_ms;
}

}  // namespace

absl::StatusOr<EvalResult> EvaluateExpression(const store::Queryable& data, const Clock& clock,
                                              const Limits& limits, const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled) {
  RONDA_RETURN_IF_ERROR(Validate(spec, limits));
  const int64_t start_ns = clock.MonotonicNs();
  const store::LongHistory history(data, spec.step_ms);
  const promql::Engine engine(history);
  promql::QueryOptions options;
  options.timeout_ms = limits.max_ms;
  options.cancelled = cancelled;
  if (BeginsThinned(data, spec)) {
    options.lookback_ms = store::kHourMs;  // what is left of an hour is at its end
  }
  absl::StatusOr<promql::QueryResult> answer =
      spec.step_ms == 0
          ? engine.Instant(spec.expr, spec.end_ms, options)
          : engine.Range(spec.expr, spec.start_ms, spec.end_ms, spec.step_ms, options);
  RONDA_RETURN_IF_ERROR(answer.status());
  std::map<std::string, MetricInfo, std::less<>> metrics;
  for (MetricInfo& metric : data.Metrics()) {
    metrics.emplace(metric.name, std::move(metric));
  }
  const store::LongHistory::Thinned thinned = history.thinned();
  EvalResult out;
  out.type = TypeName(answer->type);
  out.text = std::move(answer->text);
  out.warnings = std::move(answer->warnings);
  out.infos = std::move(answer->infos);
  for (promql::Series& series : answer->series) {
    SeriesData& one = out.series.emplace_back();
    const auto metric = metrics.find(series.labels.Get(kMetricName));
    if (metric != metrics.end()) {
      one.metric = metric->second;
    }
    one.labels = std::move(series.labels);
    one.t_ms = std::move(series.t_ms);
    one.values = std::move(series.values);
  }
  out.series_read = answer->stats.series_read;
  out.samples_read = answer->stats.samples_read;
  out.selects = answer->stats.selects;
  out.peak_bytes = answer->stats.peak_bytes;
  out.thinned_ms = thinned.resolution_ms;
  out.thinned_to_ms = thinned.range.to_ms;
  out.elapsed_us = (clock.MonotonicNs() - start_ns) / 1000;
  return out;
}

}  // namespace ronda::query
