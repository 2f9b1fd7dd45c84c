// /graph: where links to Prometheus' expression browser lead (generatorURL, graphLink and tableLink
// of templates): to the answer of the same query.
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "collector/http/api.h"
#include "collector/http/params.h"
#include "collector/notify/http_post.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr int64_t kDefaultRangeMs = 3'600'000;
constexpr int64_t kPoints = 250;  // as Prometheus' page takes

// Of the first panel; the page's own form "2026-11-20 10:00:00" is UTC.
absl::StatusOr<int64_t> EndOf(const Request& request, int64_t now_ms) {
  for (const std::string_view name : {"g0.end_input", "g0.moment_input"}) {
    std::string text(request.Param(name).value_or(""));
    if (text.empty()) {
      continue;
    }
    if (const size_t space = text.find(' '); space != std::string::npos) {
      text = text.replace(space, 1, "T") + "Z";
    }
    const std::optional<int64_t> t_ms = ParseTimeMs(text);
    if (!t_ms) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "invalid parameter \"{}\": cannot parse \"{}\" to a valid timestamp", name, text);
    }
    return *t_ms;
  }
  return now_ms;
}

// Relative to /graph, so that it holds behind a proxy with a prefix too.
absl::StatusOr<std::string> TargetOf(const Request& request, int64_t now_ms) {
  const std::string_view expr = request.Param("g0.expr").value_or("");
  if (expr.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "invalid parameter \"g0.expr\": there is no expression; links look like "
                "/graph?g0.expr=up&g0.tab=1");
  }
  RONDA_ASSIGN_OR_RETURN(const int64_t end_ms, EndOf(request, now_ms));
  const std::string_view tab = request.Param("g0.tab").value_or("1");
  const std::string query = notify::EscapeQuery(expr);
  if (tab != "0" && tab != "graph") {
    return fmt::format("api/v1/query?query={}&time={:.3f}", query,
                       static_cast<double>(end_ms) / 1000);
  }
  RONDA_ASSIGN_OR_RETURN(const std::optional<int64_t> range,
                         DurationParam(request, "g0.range_input"));
  const int64_t range_ms = std::max<int64_t>(range.value_or(kDefaultRangeMs), 1000);
  RONDA_ASSIGN_OR_RETURN(const std::optional<int64_t> step,
                         DurationParam(request, "g0.step_input"));
  const int64_t step_s = std::max<int64_t>(
      step.has_value() && *step > 0 ? *step / 1000 : range_ms / 1000 / kPoints, 1);
  return fmt::format("api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={}", query,
                     static_cast<double>(end_ms - range_ms) / 1000,
                     static_cast<double>(end_ms) / 1000, step_s);
}

}  // namespace

void AddGraph(const Sources& sources, const Lanes& lanes, Router* router) {
  router->Add({{Method::kGet},
               "/graph",
               Access::kRead,
               lanes.quick,
               true,
               1024,
               [sources](const Request& request) {
                 absl::StatusOr<std::string> target = TargetOf(request, sources.clock->NowMs());
                 if (!target.ok()) {
                   return StatusResponse(target.status());
                 }
                 Response response = TextResponse(302, "");
                 response.headers.emplace_back("Location", *std::move(target));
                 response.headers.emplace_back("Cache-Control", "no-store");
                 return response;
               }});
}

}  // namespace ronda::http
