// /api/v1/rules, alerts, alertmanagers, query_exemplars.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/promql/number_text.h"
#include "collector/rules/engine.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::http {
namespace {

constexpr double kMsPerSecond = 1000.0;

// An alert whose data is missing shows as what it was before, with the annotation ronda_unknown.
std::string_view StateOf(const rules::Alert& alert) {
  const rules::AlertState state =
      alert.state == rules::AlertState::kUnknown ? alert.before_unknown : alert.state;
  return state == rules::AlertState::kFiring ? "firing" : "pending";
}

std::string ExponentText(double value) {
  return std::isfinite(value) ? fmt::format("{:e}", value) : promql::FormatNumber(value);
}

void AppendPairs(const std::vector<Label>& pairs, std::string* out) {
  *out += "{";
  for (size_t i = 0; i < pairs.size(); ++i) {
    *out += i > 0 ? "," : "";
    AppendText(pairs[i].name, out);
    *out += ":";
    AppendText(pairs[i].value, out);
  }
  *out += "}";
}

void AppendAlert(const rules::Alert& alert, std::string* out) {
  std::vector<Label> annotations = alert.annotations;
  if (alert.state == rules::AlertState::kUnknown) {
    annotations.push_back({"ronda_unknown", alert.reason.empty() ? "no data" : alert.reason});
  }
  *out += "{\"labels\":";
  AppendLabels(alert.labels, out);
  *out += ",\"annotations\":";
  AppendPairs(annotations, out);
  *out += fmt::format(R"(,"state":"{}","activeAt":"{}","value":"{}"}})", StateOf(alert),
                      TimeText(alert.active_at_ms), ExponentText(alert.value));
}

using AlertsOfRule = std::map<std::pair<std::string, std::string>, std::vector<rules::Alert>>;

void AppendTexts(const std::vector<rules::TemplatedLabel>& texts, std::string* out) {
  std::vector<Label> pairs;
  for (const rules::TemplatedLabel& text : texts) {
    pairs.push_back({text.name, text.value.text()});
  }
  AppendPairs(pairs, out);
}

void AppendRule(const rules::Rule& rule, const std::vector<rules::Alert>& alerts, bool with_alerts,
                int64_t now_ms, std::string* out) {
  std::string_view state = "inactive";
  for (const rules::Alert& alert : alerts) {
    state = StateOf(alert) == "firing" || state == "firing" ? "firing" : "pending";
  }
  *out += fmt::format("{{\"state\":\"{}\",\"name\":", state);
  AppendText(rule.name, out);
  *out += ",\"query\":";
  AppendText(rule.condition.ToString(), out);
  *out += fmt::format(",\"duration\":{},\"keepFiringFor\":{},\"labels\":",
                      static_cast<double>(rule.for_ms) / kMsPerSecond,
                      static_cast<double>(rule.keep_firing_for_ms) / kMsPerSecond);
  AppendTexts(rule.labels, out);
  *out += ",\"annotations\":";
  AppendTexts(rule.annotations, out);
  *out += ",\"alerts\":[";
  for (size_t i = 0; with_alerts && i < alerts.size(); ++i) {
    *out += i > 0 ? "," : "";
    AppendAlert(alerts[i], out);
  }
  // Rules run as samples arrive: the last time is always now.
  *out +=
      fmt::format(R"(],"health":"ok","evaluationTime":0,"lastEvaluation":"{}","type":"alerting"}})",
                  TimeText(now_ms));
}

bool Wants(const Request& request, std::string_view param, std::string_view value) {
  const std::vector<std::string_view> wanted = request.AllParams(param);
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

Response Rules(const Sources& sources, const Request& request) {
  const std::string_view type = request.Param("type").value_or("");
  if (!type.empty() && type != "alert" && type != "record") {
    return ErrorResponse(
        400, "bad_data",
        fmt::format("invalid parameter \"type\": not supported value \"{}\"", type));
  }
  const bool with_alerts = request.Param("exclude_alerts").value_or("") != "true";
  AlertsOfRule alerts;
  for (rules::Alert& alert : sources.rules->Active()) {
    alerts[{alert.group, alert.rule}].push_back(std::move(alert));
  }
  const int64_t now_ms = sources.clock->NowMs();
  const auto files = sources.rules->files();
  std::string data = R"({"groups":[)";
  bool first = true;
  for (const rules::RuleFile& file : *files) {
    for (const rules::RuleGroup& group : file.groups) {
      if (!Wants(request, "file[]", file.path) || !Wants(request, "rule_group[]", group.name)) {
        continue;
      }
      std::string list;
      for (const rules::Rule& rule : group.rules) {
        if (type != "record" && Wants(request, "rule_name[]", rule.name)) {
          list += list.empty() ? "" : ",";
          AppendRule(rule, alerts[{group.name, rule.name}], with_alerts, now_ms, &list);
        }
      }
      if (list.empty() && !request.AllParams("rule_name[]").empty()) {
        continue;
      }
      data += first ? "{\"name\":" : ",{\"name\":";
      first = false;
      AppendText(group.name, &data);
      data += ",\"file\":";
      AppendText(file.path, &data);
      data += fmt::format(",\"rules\":[{}],\"interval\":{},\"limit\":{}", list,
                          static_cast<double>(group.interval_ms) / kMsPerSecond, group.limit);
      data += fmt::format(R"(,"evaluationTime":0,"lastEvaluation":"{}"}})", TimeText(now_ms));
    }
  }
  return DataResponse(data + "]}");
}

Response Alerts(const Sources& sources) {
  std::string data = R"({"alerts":[)";
  bool first = true;
  for (const rules::Alert& alert : sources.rules->Active()) {
    data += first ? "" : ",";
    first = false;
    AppendAlert(alert, &data);
  }
  return DataResponse(data + "]}");
}

}  // namespace

void AddRules(const Sources& sources, const Lanes& lanes, Router* router) {
  const auto add = [&](std::vector<Method> methods, std::string path,
                       std::function<Response(const Request&)> run) {
    router->Add({std::move(methods), "/api/v1/" + path, Access::kRead, lanes.quick, true, 1 << 20,
                 std::move(run)});
  };
  add({Method::kGet}, "rules",
      [sources](const Request& request) { return Rules(sources, request); });
  add({Method::kGet}, "alerts", [sources](const Request&) { return Alerts(sources); });
  add({Method::kGet}, "alertmanagers", [](const Request&) {
    return DataResponse(R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})");
  });
  // Ronda stores none; data sources ask all the same.
  add({Method::kGet, Method::kPost}, "query_exemplars",
      [](const Request&) { return DataResponse("[]"); });
}

}  // namespace ronda::http
