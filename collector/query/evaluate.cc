#include "collector/query/evaluate.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/promql/parser.h"
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
bool BeginsThinned(const store::Queryable& data, const EvalTimes& times) {
  if (times.step_ms < store::kHourMs) {
    return false;
  }
  const std::vector<store::TimeRange> gone = data.WithoutSamples(times.start_ms, times.end_ms);
  return !gone.empty() && gone.front().from_ms == times.start_ms;
}

}  // namespace

absl::StatusOr<Evaluated> Evaluate(const store::Queryable& data, const promql::Expr& expr,
                                   const EvalTimes& times, promql::QueryOptions options) {
  const store::LongHistory history(data, times.step_ms);
  const promql::Engine engine(history);
  if (BeginsThinned(data, times)) {
    // What is left of an hour is at its end.
    options.lookback_ms = std::max(options.lookback_ms, store::kHourMs);
  }
  Evaluated out;
  RONDA_ASSIGN_OR_RETURN(
      out.result, times.step_ms == 0
                      ? engine.Instant(expr, times.end_ms, options)
                      : engine.Range(expr, times.start_ms, times.end_ms, times.step_ms, options));
  out.thinned = history.thinned();
  return out;
}

absl::StatusOr<EvalResult> EvaluateExpression(const store::Queryable& data, const Clock& clock,
                                              const Limits& limits, const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled) {
  RONDA_RETURN_IF_ERROR(Validate(spec, limits));
  const int64_t start_ns = clock.MonotonicNs();
  promql::QueryOptions options;
  options.timeout_ms = limits.max_ms;
  options.cancelled = cancelled;
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, promql::Parse(spec.expr));
  RONDA_ASSIGN_OR_RETURN(
      Evaluated answer,
      Evaluate(data, *expr, {spec.start_ms, spec.end_ms, spec.step_ms}, std::move(options)));
  promql::QueryResult& result = answer.result;
  std::map<std::string, MetricInfo, std::less<>> metrics;
  for (MetricInfo& metric : data.Metrics()) {
    metrics.emplace(metric.name, std::move(metric));
  }
  EvalResult out;
  out.type = TypeName(result.type);
  out.text = std::move(result.text);
  out.warnings = std::move(result.warnings);
  out.infos = std::move(result.infos);
  for (promql::Series& series : result.series) {
    SeriesData& one = out.series.emplace_back();
    const auto metric = metrics.find(series.labels.Get(kMetricName));
    if (metric != metrics.end()) {
      one.metric = metric->second;
    }
    one.labels = std::move(series.labels);
    one.t_ms = std::move(series.t_ms);
    one.values = std::move(series.values);
  }
  out.series_read = result.stats.series_read;
  out.samples_read = result.stats.samples_read;
  out.minutes_read = result.stats.minutes_read;
  out.hours_read = result.stats.hours_read;
  out.selects = result.stats.selects;
  out.peak_bytes = result.stats.peak_bytes;
  out.thinned_ms = answer.thinned.resolution_ms;
  out.thinned_to_ms = answer.thinned.range.to_ms;
  out.elapsed_us = (clock.MonotonicNs() - start_ns) / 1000;
  return out;
}

}  // namespace ronda::query
