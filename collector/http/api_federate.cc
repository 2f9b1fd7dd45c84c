// /federate: the newest sample of each series, as text that Prometheus scrapes.
#include <algorithm>
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

// What is not plain in a name becomes '_'.
std::string Underscored(std::string_view name, bool (*is_plain)(std::string_view)) {
  std::string out;
  for (const char c : name) {
    out += c;
    if (!is_plain(out)) {
      out.back() = '_';
    }
  }
  return out;
}

// As nearly all are.
bool HasPlainNames(const Labels& labels) {
  return std::all_of(labels.all().begin(), labels.all().end(), [](const Label& label) {
    return IsLabelName(label.name) && (label.name != kMetricName || IsMetricName(label.value));
  });
}

// For clients that know plain names alone.
Labels WithPlainNames(const Labels& labels) {
  std::vector<Label> plain;
  for (const Label& label : labels.all()) {
    plain.push_back(label.name == kMetricName
                        ? Label{label.name, Underscored(label.value, IsMetricName)}
                        : Label{Underscored(label.name, IsLabelName), label.value});
  }
  return Labels(std::move(plain));
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
  // Prometheus 3 asks for names as they are; what does not would fail on a quoted one.
  const bool any_name = request.Header("accept").find("escaping=allow-utf-8") != std::string::npos;
  std::string text;
  std::string_view last;
  for (const auto& [key, found] : all) {
    Labels plain;
    if (!any_name && !HasPlainNames(key.second)) {
      plain = WithPlainNames(key.second);
    }
    const Labels& labels = plain.empty() ? key.second : plain;
    if (key.first != last) {
      const std::string_view name = labels.Get(kMetricName);
      text += fmt::format(
          "# TYPE {} {}\n", IsMetricName(name) ? std::string(name) : QuoteLabelValue(name),
          found.metric.type == MetricType::kUnknown ? "untyped" : ToString(found.metric.type));
      last = key.first;
    }
    text += labels.ToString();
    text += ' ';
    AppendNumber(found.value, true, &text);
    text += fmt::format(" {}\n", found.t_ms);
  }
  return {200,
          any_name ? "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
                   : "text/plain; version=0.0.4; charset=utf-8",
          std::move(text),
          {}};
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
