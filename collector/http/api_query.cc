// /api/v1/query, query_range, format_query.
#include <algorithm>
#include <optional>
#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/http/params.h"
#include "collector/notify/notification.h"
#include "collector/promql/parser.h"
#include "collector/query/evaluate.h"
#include "collector/query/gap_series.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr int64_t kMaxTimeoutMs = 120'000;
constexpr int64_t kMaxPoints = 11'000;
// Of one query; several run at a time.
constexpr int64_t kMaxQueryBytes = 512 << 20;

absl::Status Invalid(std::string_view name, std::string_view what) {
  return Fail(absl::StatusCode::kInvalidArgument, "invalid parameter \"{}\": {}", name, what);
}

// "1:5: unexpected" as "invalid parameter "query": 1:5: parse error: unexpected".
absl::Status ParseError(std::string_view message) {
  const size_t line = std::min(message.find(':'), message.size());
  const size_t column = message.find(": ", line + 1);
  const bool has_position = line > 0 && line < message.size() && column != std::string_view::npos &&
                            message.find_first_not_of("0123456789:") == column + 1;
  if (!has_position) {
    return Invalid("query", message);
  }
  return Invalid("query", fmt::format("{}: parse error: {}", message.substr(0, column),
                                      message.substr(column + 2)));
}

absl::StatusOr<promql::ExprPtr> ParseQuery(const Request& request) {
  auto expr = promql::Parse(request.Param("query").value_or(""));
  if (!expr.ok()) {
    return ParseError(Message(expr.status()));
  }
  return expr;
}

// The time a query waited counts as its own.
absl::StatusOr<promql::QueryOptions> Options(const Sources& sources, const Request& request) {
  promql::QueryOptions options;
  RONDA_ASSIGN_OR_RETURN(const std::optional<int64_t> timeout, DurationParam(request, "timeout"));
  RONDA_ASSIGN_OR_RETURN(const std::optional<int64_t> lookback,
                         DurationParam(request, "lookback_delta"));
  if (lookback && *lookback > 0) {
    options.lookback_ms = *lookback;
  }
  const int64_t allowed_ms = std::clamp<int64_t>(timeout.value_or(kMaxTimeoutMs), 0, kMaxTimeoutMs);
  options.timeout_ms = allowed_ms - (sources.clock->MonotonicMs() - request.received_mono_ms);
  if (options.timeout_ms <= 0) {
    return Fail(absl::StatusCode::kDeadlineExceeded, "query timed out while it waited to run");
  }
  options.max_bytes = kMaxQueryBytes;
  options.cancelled = request.cancelled.get();
  return options;
}

void AppendMatrix(const std::vector<promql::Series>& all, std::string* out) {
  for (size_t s = 0; s < all.size(); ++s) {
    const promql::Series& series = all[s];
    *out += s > 0 ? ",{\"metric\":" : "{\"metric\":";
    AppendLabels(series.labels, out);
    *out += ",\"values\":[";
    for (size_t i = 0; i < series.t_ms.size(); ++i) {
      if (i > 0) {
        out->push_back(',');
      }
      AppendPoint(series.t_ms[i], series.values[i], true, out);
    }
    *out += "]}";
  }
}

void AppendVector(const std::vector<promql::Series>& all, int64_t t_ms, std::string* out) {
  for (size_t s = 0; s < all.size(); ++s) {
    *out += s > 0 ? ",{\"metric\":" : "{\"metric\":";
    AppendLabels(all[s].labels, out);
    *out += ",\"value\":";
    AppendPoint(t_ms, all[s].values.front(), true, out);
    *out += "}";
  }
}

// `t_ms` is the time of an instant query.
std::string ResultJson(const promql::QueryResult& result, int64_t t_ms) {
  size_t points = 0;
  for (const promql::Series& series : result.series) {
    points += series.t_ms.size() + 8;
  }
  std::string out;
  out.reserve(points * 28 + 256);
  switch (result.type) {
    case promql::ValueType::kScalar:
      out = R"({"resultType":"scalar","result":)";
      AppendPoint(t_ms, result.series.at(0).values.at(0), false, &out);
      return out;
    case promql::ValueType::kString:
      out = R"({"resultType":"string","result":[)";
      AppendTime(t_ms, &out);
      out += ',';
      AppendText(result.text, &out);
      out += ']';
      return out;
    case promql::ValueType::kVector:
      out = R"({"resultType":"vector","result":[)";
      AppendVector(result.series, t_ms, &out);
      break;
    case promql::ValueType::kMatrix:
      out = R"({"resultType":"matrix","result":[)";
      AppendMatrix(result.series, &out);
      break;
  }
  out += ']';
  return out;
}

std::string StatsJson(const promql::QueryStats& stats, double seconds) {
  return fmt::format(
      R"(,"stats":{{"timings":{{"evalTotalTime":{:.9f},"resultSortTime":0,"queryPreparationTime":0,)"
      R"("innerEvalTime":{:.9f},"execQueueTime":0,"execTotalTime":{:.9f}}},)"
      R"("samples":{{"totalQueryableSamples":{},"peakSamples":{}}}}})",
      seconds, seconds, seconds, stats.samples_read, stats.peak_samples);
}

// `begin_ns` is when the evaluation began.
absl::StatusOr<Response> Answer(const Sources& sources, const Request& request,
                                promql::QueryResult result, int64_t t_ms, int64_t begin_ns) {
  RONDA_ASSIGN_OR_RETURN(const size_t limit, LimitParam(request));
  const bool is_list =
      result.type == promql::ValueType::kVector || result.type == promql::ValueType::kMatrix;
  if (is_list && limit > 0 && result.series.size() > limit) {
    result.series.resize(limit);
    result.warnings.push_back("results truncated due to limit");
  }
  const double seconds = static_cast<double>(sources.clock->MonotonicNs() - begin_ns) / 1e9;
  std::string data = ResultJson(result, t_ms);
  if (!request.Param("stats").value_or("").empty()) {
    data += StatsJson(result.stats, seconds);
  }
  data += '}';
  return DataResponse(data, result.warnings, result.infos);
}

// Over all history, gaps included where the expression names them.
absl::StatusOr<promql::QueryResult> Evaluate(const Sources& sources, const promql::Expr& expr,
                                             const query::EvalTimes& times,
                                             const promql::QueryOptions& options) {
  const query::WithGaps with_gaps(
      *sources.store,
      [&](int64_t start_ms, int64_t end_ms) { return sources.api->Gaps(start_ms, end_ms, ""); },
      sources.clock->NowMs());
  const store::Queryable& data = query::MentionsGaps(promql::Format(expr))
                                     ? static_cast<const store::Queryable&>(with_gaps)
                                     : *sources.store;
  RONDA_ASSIGN_OR_RETURN(query::Evaluated answer, query::Evaluate(data, expr, times, options));
  if (answer.thinned.resolution_ms > 0) {
    answer.result.infos.push_back(fmt::format(
        "samples up to {} are older than the retention: of each {} the last one is left",
        notify::FormatRfc3339(answer.thinned.range.to_ms),
        answer.thinned.resolution_ms < store::kHourMs ? "minute" : "hour"));
  }
  return std::move(answer.result);
}

absl::StatusOr<Response> Query(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const int64_t t_ms, TimeParam(request, "time", sources.clock->NowMs()));
  RONDA_ASSIGN_OR_RETURN(const promql::QueryOptions options, Options(sources, request));
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseQuery(request));
  const int64_t begin_ns = sources.clock->MonotonicNs();
  RONDA_ASSIGN_OR_RETURN(promql::QueryResult result,
                         Evaluate(sources, *expr, {t_ms, t_ms, 0}, options));
  return Answer(sources, request, std::move(result), t_ms, begin_ns);
}

absl::StatusOr<int64_t> NeededTime(const Request& request, std::string_view name) {
  if (request.Param(name).value_or("").empty()) {
    return Invalid(name, "cannot parse \"\" to a valid timestamp");
  }
  return TimeParam(request, name, 0);
}

absl::StatusOr<Response> QueryRange(const Sources& sources, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const int64_t start_ms, NeededTime(request, "start"));
  RONDA_ASSIGN_OR_RETURN(const int64_t end_ms, NeededTime(request, "end"));
  if (end_ms < start_ms) {
    return Invalid("end", "end timestamp must not be before start time");
  }
  RONDA_ASSIGN_OR_RETURN(const std::optional<int64_t> step, DurationParam(request, "step"));
  if (!step) {
    return Invalid("step", "cannot parse \"\" to a valid duration");
  }
  if (*step <= 0) {
    return Invalid("step",
                   "zero or negative query resolution step widths are not accepted. Try a positive "
                   "integer");
  }
  if ((end_ms - start_ms) / *step > kMaxPoints) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                "query resolution (?step=XX)");
  }
  RONDA_ASSIGN_OR_RETURN(const promql::QueryOptions options, Options(sources, request));
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseQuery(request));
  if (expr->type != promql::ValueType::kScalar && expr->type != promql::ValueType::kVector) {
    return Invalid("query", fmt::format("invalid expression type \"{}\" for range query, must be "
                                        "Scalar or instant Vector",
                                        promql::ToString(expr->type)));
  }
  const int64_t begin_ns = sources.clock->MonotonicNs();
  RONDA_ASSIGN_OR_RETURN(promql::QueryResult result,
                         Evaluate(sources, *expr, {start_ms, end_ms, *step}, options));
  return Answer(sources, request, std::move(result), end_ms, begin_ns);
}

absl::StatusOr<Response> FormatQuery(const Sources&, const Request& request) {
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseQuery(request));
  std::string data;
  AppendText(promql::FormatPretty(*expr), &data);
  return DataResponse(data);
}

using Endpoint = absl::StatusOr<Response> (*)(const Sources&, const Request&);

}  // namespace

void AddQuery(const Sources& sources, const Lanes& lanes, Router* router) {
  const std::pair<std::string_view, Endpoint> endpoints[] = {
      {"query", &Query}, {"query_range", &QueryRange}, {"format_query", &FormatQuery}};
  for (const auto& [path, endpoint] : endpoints) {
    router->Add({{Method::kGet, Method::kPost},
                 "/api/v1/" + std::string(path),
                 Access::kRead,
                 lanes.query,
                 true,
                 10 << 20,
                 [sources, endpoint = endpoint](const Request& request) {
                   absl::StatusOr<Response> response = endpoint(sources, request);
                   return response.ok() ? *std::move(response) : StatusResponse(response.status());
                 }});
  }
}

}  // namespace ronda::http
