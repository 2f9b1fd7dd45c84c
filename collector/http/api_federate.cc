// /federate: the newest sample of each series, as text that Prometheus scrapes.
#include <map>
#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/http/params.h"
#include "collector/query/api.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

struct Found {
  MetricInfo metric;
  int64_t t_ms = 0;
  double value = 0;
};

absl::Status Collect(const Sources& sources, const std::vector<Matcher>& matchers,
                     std::map<std::pair<std::string, Labels>, Found>* out) {
  query::SelectSpec spec;
  spec.matchers = matchers;
  spec.instant = true;
  spec.end_ms = sources.clock->NowMs();
  return sources.api->Select(spec, [&](query::SeriesData series) {
    std::string name(series.labels.Get(kMetricName));
    (*out)[{std::move(name), series.labels}] = {series.metric, series.t_ms.back(),
                                                series.values.back()};
    return true;
  });
}

Response Federate(const Sources& sources, const Request& request) {
  auto selectors = MatchParams(request);
  if (!selectors.ok()) {
    return TextResponse(400, std::string(Message(selectors.status())) + "\n");
  }
  std::map<std::pair<std::string, Labels>, Found> all;
  for (const std::vector<Matcher>& matchers : *selectors) {
    if (const absl::Status status = Collect(sources, matchers, &all); !status.ok()) {
      return TextResponse(StatusResponse(status).status, std::string(Message(status)) + "\n");
    }
  }
  std::string text;
  std::string_view last;
  for (const auto& [key, found] : all) {
    const auto& [name, labels] = key;
    if (name != last) {
      text += fmt::format(
          "# TYPE {} {}\n", name,
          found.metric.type == MetricType::kUnknown ? "untyped" : ToString(found.metric.type));
      last = name;
    }
    text += labels.ToString();
    text += ' ';
    AppendNumber(found.value, true, &text);
    text += fmt::format(" {}\n", found.t_ms);
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8", std::move(text), {}};
}

}  // namespace

void AddFederate(const Sources& sources, const Lanes& lanes, Router* router) {
  router->Add({{Method::kGet},
               "/federate",
               Access::kRead,
               lanes.query,
               true,
               64 << 10,
               [sources](const Request& request) { return Federate(sources, request); }});
}

}  // namespace ronda::http
