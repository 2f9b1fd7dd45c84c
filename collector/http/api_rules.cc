// /api/v1/rules, alerts, alertmanagers, query_exemplars.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "collector/http/api.h"
#include "collector/http/json.h"
#include "collector/promql/number_text.h"
#include "collector/promql/parser.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "collector/rules/placement.h"
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

// 8.5e+01, as Go's FormatFloat(v, 'e', -1, 64).
std::string ExponentText(double value) {
  if (!std::isfinite(value)) {
    return promql::FormatNumber(value);
  }
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  return std::string(buffer, end.ptr);
}

// Of an evaluation; of none what Go says of it.
std::string EvaluationTime(int64_t t_ms) {
  return t_ms == 0 ? "0001-01-01T00:00:00Z" : TimeText(t_ms);
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / kMsPerSecond; }

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
  *out +=
      fmt::format(R"(,"state":"{}","activeAt":"{}")", StateOf(alert), TimeText(alert.active_at_ms));
  if (alert.keep_since_ms != 0) {
    *out += fmt::format(R"(,"keepFiringSince":"{}")", TimeText(alert.keep_since_ms));
  }
  *out += fmt::format(R"(,"value":"{}"}})", ExponentText(alert.value));
}

std::vector<Label> TextsOf(const std::vector<rules::TemplatedLabel>& texts) {
  std::vector<Label> pairs;
  for (const rules::TemplatedLabel& text : texts) {
    pairs.push_back({text.name, text.value.text()});
  }
  return pairs;
}

// What has been asked for.
struct Filter {
  std::string_view type;  // "": both
  bool alerts = true;
  std::vector<std::vector<Matcher>> matchers;  // one of them must match the rule's labels
};

bool Wants(const Request& request, std::string_view param, std::string_view value) {
  const std::vector<std::string_view> wanted = request.AllParams(param);
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

absl::StatusOr<Filter> FilterOf(const Request& request) {
  Filter filter;
  filter.type = request.Param("type").value_or("");
  if (!filter.type.empty() && filter.type != "alert" && filter.type != "record") {
    return Fail(absl::StatusCode::kInvalidArgument,
                "invalid parameter \"type\": not supported value \"{}\"", filter.type);
  }
  const std::string_view exclude = request.Param("exclude_alerts").value_or("false");
  if (exclude != "true" && exclude != "1" && exclude != "false" && exclude != "0" &&
      !exclude.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "invalid parameter \"exclude_alerts\": \"{}\" is neither true nor false", exclude);
  }
  filter.alerts = exclude != "true" && exclude != "1";
  for (const std::string_view selector : request.AllParams("match[]")) {
    RONDA_ASSIGN_OR_RETURN(std::vector<Matcher> matchers, promql::ParseSelector(selector));
    filter.matchers.push_back(std::move(matchers));
  }
  return filter;
}

bool IsWanted(const rules::Rule& rule, const Filter& filter, const Request& request) {
  if ((filter.type == "alert" && rule.record) || (filter.type == "record" && !rule.record) ||
      !Wants(request, "rule_name[]", rule.name)) {
    return false;
  }
  const Labels labels = rule.record ? rule.record_labels : Labels(TextsOf(rule.labels));
  return filter.matchers.empty() ||
         std::any_of(filter.matchers.begin(), filter.matchers.end(),
                     [&](const auto& matchers) { return MatchesAll(labels, matchers); });
}

// How a rule's last evaluation went. On arrival the last one is always now.
rules::RuleHealth HealthOf(const rules::Rule& rule, const rules::GroupReport* report, size_t number,
                           int64_t now_ms) {
  rules::RuleHealth health;
  if (report != nullptr && number < report->health.rules.size()) {
    health = report->health.rules[number];
  }
  if (rule.on_arrival && health.error.empty()) {
    health.evaluated = true;
    health.last_ms = now_ms;
  }
  return health;
}

void AppendHealth(const rules::RuleHealth& health, std::string_view type, std::string* out) {
  *out += fmt::format(R"("health":"{}",)", !health.evaluated      ? "unknown"
                                           : health.error.empty() ? "ok"
                                                                  : "err");
  if (!health.error.empty()) {
    *out += "\"lastError\":";
    AppendText(health.error, out);
    *out += ",";
  }
  *out += fmt::format(R"("evaluationTime":{},"lastEvaluation":"{}","type":"{}"}})",
                      static_cast<double>(health.duration_us) / 1e6, EvaluationTime(health.last_ms),
                      type);
}

void AppendRecording(const rules::Rule& rule, const rules::RuleHealth& health, std::string* out) {
  *out += "{\"name\":";
  AppendText(rule.name, out);
  *out += ",\"query\":";
  AppendText(rule.expr, out);
  if (!rule.record_labels.empty()) {
    *out += ",\"labels\":";
    AppendLabels(rule.record_labels, out);
  }
  *out += ",";
  AppendHealth(health, "recording", out);
}

void AppendAlerting(const rules::Rule& rule, const std::vector<const rules::Alert*>& alerts,
                    bool with_alerts, const rules::RuleHealth& health, std::string* out) {
  std::string_view state = "inactive";
  for (const rules::Alert* alert : alerts) {
    state = StateOf(*alert) == "firing" || state == "firing" ? "firing" : "pending";
  }
  *out += fmt::format("{{\"state\":\"{}\",\"name\":", state);
  AppendText(rule.name, out);
  *out += ",\"query\":";
  AppendText(rule.expr, out);
  *out += fmt::format(",\"duration\":{},\"keepFiringFor\":{},\"labels\":", Seconds(rule.for_ms),
                      Seconds(rule.keep_firing_for_ms));
  AppendPairs(TextsOf(rule.labels), out);
  *out += ",\"annotations\":";
  AppendPairs(TextsOf(rule.annotations), out);
  *out += ",\"alerts\":[";
  for (size_t i = 0; with_alerts && i < alerts.size(); ++i) {
    *out += i > 0 ? "," : "";
    AppendAlert(*alerts[i], out);
  }
  *out += "],";
  AppendHealth(health, "alerting", out);
}

// The alerts of both kinds of rules, by group, rule and labels.
std::vector<rules::Alert> ActiveAlerts(const Sources& sources) {
  std::vector<rules::Alert> alerts = sources.rules->Active();
  if (sources.evaluator != nullptr) {
    for (rules::Alert& alert : sources.evaluator->Active()) {
      alerts.push_back(std::move(alert));
    }
  }
  std::sort(alerts.begin(), alerts.end(), [](const rules::Alert& a, const rules::Alert& b) {
    return std::tie(a.group, a.rule, a.labels) < std::tie(b.group, b.rule, b.labels);
  });
  return alerts;
}

class RulesAnswer {
 public:
  RulesAnswer(const Sources& sources, const Request& request, Filter filter)
      : request_(request),
        filter_(std::move(filter)),
        now_ms_(sources.clock->NowMs()),
        alerts_(ActiveAlerts(sources)),
        files_(sources.rules->files()) {
    for (const rules::Alert& alert : alerts_) {
      by_rule_[{alert.group, alert.rule}].push_back(&alert);
    }
    if (sources.evaluator != nullptr) {
      reports_ = sources.evaluator->Reports();
    }
    for (const rules::GroupReport& report : reports_) {
      by_group_[{report.file, report.group}] = &report;
    }
  }

  std::string Groups() {
    std::string out = "[";
    for (const rules::RuleFile& file : *files_) {
      for (const rules::RuleGroup& group : file.groups) {
        if (Wants(request_, "file[]", file.path) && Wants(request_, "rule_group[]", group.name)) {
          Group(file, group, &out);
        }
      }
    }
    return out + "]";
  }

 private:
  // One without a rule that is wanted is left out.
  void Group(const rules::RuleFile& file, const rules::RuleGroup& group, std::string* out) {
    const auto found = by_group_.find({file.path, group.name});
    const rules::GroupReport* report = found == by_group_.end() ? nullptr : found->second;
    std::string list;
    for (size_t i = 0; i < group.rules.size(); ++i) {
      const rules::Rule& rule = group.rules[i];
      if (!IsWanted(rule, filter_, request_)) {
        continue;
      }
      list += list.empty() ? "" : ",";
      const rules::RuleHealth health = HealthOf(rule, report, i, now_ms_);
      if (rule.record) {
        AppendRecording(rule, health, &list);
        continue;
      }
      std::vector<const rules::Alert*> alerts;
      for (const rules::Alert* alert : by_rule_[{group.name, rule.name}]) {
        if (rules::CouldRaise(group, rule, *alert)) {
          alerts.push_back(alert);
        }
      }
      AppendAlerting(rule, alerts, filter_.alerts, health, &list);
    }
    if (list.empty()) {
      return;
    }
    *out += out->size() > 1 ? ",{\"name\":" : "{\"name\":";
    AppendText(group.name, out);
    *out += ",\"file\":";
    AppendText(file.path, out);
    *out += fmt::format(",\"rules\":[{}],\"interval\":{},\"limit\":{}", list,
                        Seconds(group.IntervalMs()), group.limit);
    const bool all_arrive = std::all_of(group.rules.begin(), group.rules.end(),
                                        [](const rules::Rule& rule) { return rule.on_arrival; });
    const int64_t last_ms = all_arrive ? now_ms_ : report != nullptr ? report->health.last_ms : 0;
    *out +=
        fmt::format(R"(,"evaluationTime":{},"lastEvaluation":"{}"}})",
                    report == nullptr ? 0.0 : static_cast<double>(report->health.duration_us) / 1e6,
                    EvaluationTime(last_ms));
  }

  const Request& request_;
  const Filter filter_;
  const int64_t now_ms_;
  const std::vector<rules::Alert> alerts_;
  const std::shared_ptr<const std::vector<rules::RuleFile>> files_;
  std::vector<rules::GroupReport> reports_;
  std::map<std::pair<std::string, std::string>, std::vector<const rules::Alert*>> by_rule_;
  std::map<std::pair<std::string, std::string>, const rules::GroupReport*> by_group_;
};

Response Rules(const Sources& sources, const Request& request) {
  absl::StatusOr<Filter> filter = FilterOf(request);
  if (!filter.ok()) {
    return ErrorResponse(400, "bad_data", Message(filter.status()));
  }
  return DataResponse("{\"groups\":" + RulesAnswer(sources, request, *std::move(filter)).Groups() +
                      "}");
}

Response Alerts(const Sources& sources) {
  std::string data = R"({"alerts":[)";
  bool first = true;
  for (const rules::Alert& alert : ActiveAlerts(sources)) {
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
