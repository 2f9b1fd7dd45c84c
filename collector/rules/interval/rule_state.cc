// Tested by tests/unit/collector/rules/interval/rule_state_test.cc.
#include "collector/rules/interval/rule_state.h"

#include <algorithm>
#include <utility>

#include <fmt/ranges.h>
#include <re2/re2.h>

#include "collector/promql/parser.h"
#include "collector/promql/visit.h"
#include "collector/rules/placement.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::rules {
namespace {

constexpr int64_t kInputWindowMs = 3'600'000;

bool IsOver(const Alert& alert) {
  return alert.state == AlertState::kInactive || alert.state == AlertState::kResolved;
}

std::string_view LabelOf(const Alert& alert, const Rule& rule, std::string_view name) {
  const bool of_rule = std::any_of(rule.labels.begin(), rule.labels.end(),
                                   [name](const TemplatedLabel& l) { return l.name == name; });
  return of_rule ? std::string_view() : alert.labels.Get(name);
}

}  // namespace

RuleState::RuleState(const RuleGroup& group, const Rule& rule)
    : group_(group), rule_(rule), about_silence_(IsAboutSilence(*rule.expression)) {}

absl::Status RuleState::Evaluate(const EvaluationContext& context, RuleCommit* out) {
  auto series = rule_.on_arrival ? QueryPushed(context) : Query(*rule_.expression, context);
  RONDA_RETURN_IF_ERROR(series.status());
  if (group_.limit > 0 && series->size() > static_cast<size_t>(group_.limit)) {
    return Fail(absl::StatusCode::kResourceExhausted, "exceeded limit of {} with {} {}",
                group_.limit, series->size(), rule_.record ? "series" : "alerts");
  }
  return rule_.record ? Record(*std::move(series), out)
                      : Alerting(*std::move(series), context, out);
}

absl::StatusOr<std::vector<promql::Series>> RuleState::Query(
    const promql::Expr& expr, const EvaluationContext& context) const {
  RONDA_ASSIGN_OR_RETURN(promql::QueryResult result,
                         promql::Engine(context.data)
                             .Instant(expr, context.t_ms - group_.query_offset_ms, context.query));
  return std::move(result.series);
}

absl::StatusOr<std::vector<promql::Series>> RuleState::QueryPushed(
    const EvaluationContext& context) {
  std::vector<std::string> nodes;
  for (const auto& [name, sources] : context.pushed) {
    nodes.push_back(re2::RE2::QuoteMeta(name));
  }
  if (nodes.empty()) {
    return std::vector<Series>();
  }
  std::sort(nodes.begin(), nodes.end());
  std::string names = fmt::format("{}", fmt::join(nodes, "|"));
  if (pushed_ == nullptr || names != pushed_nodes_) {
    promql::Threshold threshold = *rule_.condition;
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, Matcher::New(Matcher::Type::kRegex, "node", names));
    threshold.matchers.push_back(std::move(matcher));
    RONDA_ASSIGN_OR_RETURN(pushed_, promql::Parse(threshold.ToString()));
    pushed_nodes_ = std::move(names);
  }
  RONDA_ASSIGN_OR_RETURN(std::vector<Series> all, Query(*pushed_, context));
  std::erase_if(all, [&context](const Series& series) {
    const auto node = context.pushed.find(series.labels.Get("node"));
    return node != context.pushed.end() && std::any_of(node->second.begin(), node->second.end(),
                                                       [&series](const AgentSource& source) {
                                                         return source.Sends(series.labels);
                                                       });
  });
  return all;
}

absl::Status RuleState::Record(std::vector<Series> series, RuleCommit* out) {
  absl::flat_hash_set<Labels> now;
  std::vector<RuleSample> samples;
  for (Series& one : series) {
    Labels labels = std::move(one.labels);
    labels.Set(kMetricName, rule_.name);
    for (const Label& label : rule_.record_labels.all()) {
      labels.Set(label.name, label.value);
    }
    if (!now.insert(labels).second) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "two series have the same labels once the rule's are on them: {}",
                  labels.ToString());
    }
    samples.push_back({std::move(labels), one.values.front()});
  }
  for (const Labels& before : recorded_) {
    if (!now.contains(before)) {
      samples.push_back({before, StaleMarker()});
    }
  }
  recorded_ = std::move(now);
  out->samples = std::move(samples);
  return absl::OkStatus();
}

NodeCondition RuleState::ConditionOf(std::string_view node,
                                     const EvaluationContext& context) const {
  const auto found = node.empty() ? context.nodes.end() : context.nodes.find(node);
  return found == context.nodes.end() ? NodeCondition::kPushed : found->second;
}

absl::StatusOr<absl::flat_hash_set<Labels>> RuleState::NotCleared(
    const EvaluationContext& context) const {
  absl::flat_hash_set<Labels> labels;
  if (rule_.clear_expression == nullptr) {
    return labels;
  }
  const auto of = [&](const Series& one) {
    return AlertLabels(rule_, one.labels, one.values.front(), context.t_ms, *context.life.texts);
  };
  const auto& comparison =
      static_cast<const promql::BinaryExpr&>(promql::WithoutParens(*rule_.clear_expression));
  const promql::Expr& compared =
      comparison.left->type == promql::ValueType::kVector ? *comparison.left : *comparison.right;
  RONDA_ASSIGN_OR_RETURN(const std::vector<Series> there, Query(compared, context));
  for (const Series& one : there) {
    labels.insert(of(one));
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<Series> cleared, Query(comparison, context));
  for (const Series& one : cleared) {
    labels.erase(of(one));
  }
  return labels;
}

absl::StatusOr<bool> RuleState::SourceFails(const Alert& alert,
                                            const EvaluationContext& context) const {
  if (about_silence_ || alert.node.empty() ||
      ConditionOf(alert.node, context) == NodeCondition::kPushed) {
    return false;
  }
  const int64_t t_ms = context.t_ms - group_.query_offset_ms;
  std::vector<Matcher> of_up = {Matcher::Equal(std::string(kMetricName), "up"),
                                Matcher::Equal("node", alert.node)};
  for (const char* name : {"job", "instance"}) {
    if (const std::string_view value = LabelOf(alert, rule_, name); !value.empty()) {
      of_up.push_back(Matcher::Equal(name, std::string(value)));
    }
  }
  std::vector<Labels> down;
  RONDA_RETURN_IF_ERROR(context.data.SelectNewest(
      of_up, t_ms - context.query.lookback_ms + 1, t_ms, [&down](const store::SeriesView& view) {
        if (!view.values.empty() && view.values.back() == 0) {
          down.push_back(view.labels);
        }
        return true;
      }));
  if (alert.state == AlertState::kUnknown && !down.empty()) {
    return true;
  }
  for (const Labels& source : down) {
    for (const promql::VectorSelector* selector : promql::SelectorsOf(*rule_.expression)) {
      std::vector<Matcher> matchers = selector->matchers;
      for (const char* name : {"node", "job", "instance"}) {
        matchers.push_back(Matcher::Equal(name, std::string(source.Get(name))));
      }
      RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> read,
                             context.data.Series(matchers, t_ms - kInputWindowMs, t_ms));
      if (!read.empty()) {
        return true;
      }
    }
  }
  return false;
}

absl::StatusOr<Observation> RuleState::ObserveAbsent(
    const Instance& instance, const EvaluationContext& context,
    const absl::flat_hash_set<Labels>& not_cleared) const {
  RONDA_ASSIGN_OR_RETURN(const bool fails, SourceFails(instance.alert, context));
  if (fails) {
    return Observation{.kind = Observation::Kind::kMissing, .reason = "source failing"};
  }
  return Observation{.kind = Observation::Kind::kValue,
                     .value = instance.alert.value,
                     .reason = "",
                     .holds = false,
                     .cleared = !not_cleared.contains(instance.alert.labels)};
}

// How long nobody looked at the pending alerts of before the restart: `for` goes on if that was
// shorter than `for`, else it starts anew. The last ALERTS_FOR_STATE says when one was looked at.
absl::Status RuleState::ResumePending(const EvaluationContext& context) {
  restored_ = false;
  for (auto& [labels, instance] : instances_) {
    Alert& alert = instance.alert;
    if (!std::exchange(instance.restored, false) || alert.state != AlertState::kPending) {
      continue;
    }
    std::vector<Matcher> matchers = {Matcher::Equal(std::string(kMetricName), "ALERTS_FOR_STATE")};
    for (const Label& label : labels.all()) {
      matchers.push_back(Matcher::Equal(label.name, label.value));
    }
    int64_t seen_ms = alert.changed_at_ms;
    RONDA_RETURN_IF_ERROR(context.data.SelectNewest(
        matchers, alert.changed_at_ms, context.t_ms - 1, [&](const store::SeriesView& view) {
          seen_ms = std::max(seen_ms, view.t_ms.empty() ? 0 : view.t_ms.back());
          return true;
        }));
    if (context.t_ms - seen_ms >= rule_.for_ms) {
      alert.active_at_ms = context.t_ms;
    }
  }
  return absl::OkStatus();
}

absl::Status RuleState::Alerting(std::vector<Series> series, const EvaluationContext& context,
                                 RuleCommit* out) {
  std::map<Labels, const Series*> present;
  for (const Series& one : series) {
    Labels labels =
        AlertLabels(rule_, one.labels, one.values.front(), context.t_ms, *context.life.texts);
    const auto [at, is_new] = present.emplace(std::move(labels), &one);
    if (!is_new) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "two series have the same labels once the rule's are on them: {}",
                  at->first.ToString());
    }
  }
  if (restored_) {
    RONDA_RETURN_IF_ERROR(ResumePending(context));
  }
  // All that may fail comes before the first step.
  RONDA_ASSIGN_OR_RETURN(auto seen, Observe(present, context));
  for (auto& [labels, observation] : seen) {
    const auto one = present.find(labels);
    Step(labels, one == present.end() ? "" : one->second->labels.Get("node"), &observation, context,
         out);
  }
  std::vector<const Alert*> alerts;
  for (const auto& [labels, instance] : instances_) {
    alerts.push_back(&instance.alert);
  }
  series_.Update(alerts, &out->samples);
  return absl::OkStatus();
}

absl::StatusOr<std::map<Labels, Observation>> RuleState::Observe(
    const std::map<Labels, const Series*>& present, const EvaluationContext& context) const {
  std::map<Labels, Observation> seen;
  const bool some_absent =
      std::any_of(instances_.begin(), instances_.end(),
                  [&](const auto& entry) { return !present.contains(entry.first); });
  if (some_absent) {
    RONDA_ASSIGN_OR_RETURN(const auto not_cleared, NotCleared(context));
    for (const auto& [labels, instance] : instances_) {
      if (!present.contains(labels)) {
        RONDA_ASSIGN_OR_RETURN(seen[labels], ObserveAbsent(instance, context, not_cleared));
      }
    }
  }
  for (const auto& [labels, one] : present) {
    seen[labels] = {.kind = Observation::Kind::kValue,
                    .value = one->values.front(),
                    .reason = "",
                    .holds = true,
                    .cleared = true,
                    .series = {.metric = "", .series = &one->labels}};
  }
  return seen;
}

// What is known of the alert's node goes before what the expression says.
void RuleState::Step(const Labels& labels, std::string_view node_of_series, Observation* seen,
                     const EvaluationContext& context, RuleCommit* out) {
  const auto known = instances_.find(labels);
  const bool is_new = known == instances_.end();
  const std::string node(is_new ? node_of_series : std::string_view(known->second.alert.node));
  const NodeCondition condition = ConditionOf(node, context);
  if (condition == NodeCondition::kRetired) {
    *seen = {.kind = Observation::Kind::kEnded, .reason = "node retired"};
  } else if (condition == NodeCondition::kSilent && !about_silence_) {
    *seen = {.kind = Observation::Kind::kMissing, .reason = "node silent"};
  }
  if (is_new && seen->kind != Observation::Kind::kValue) {
    return;
  }
  Instance& instance = instances_[labels];
  Alert& alert = instance.alert;
  if (is_new) {
    alert.rule = rule_.name;
    alert.group = group_.name;
    alert.node = node;
    alert.labels = labels;
  }
  if (auto transition = Advance(rule_, *seen, context.t_ms, context.life, &alert)) {
    out->transitions.push_back(*std::move(transition));
  }
  if (IsOver(alert)) {
    instances_.erase(labels);
  } else if (seen->holds) {
    // As of now; not worth a commit of its own.
    alert.value = seen->value;
    alert.annotations =
        AlertAnnotations(rule_, seen->series.All(), seen->value, context.t_ms, *context.life.texts);
  }
}

void RuleState::Restore(Alert alert) {
  series_.Restore(alert);
  restored_ = true;
  Labels labels = alert.labels;
  instances_.try_emplace(std::move(labels), Instance{std::move(alert), true});
}

std::vector<Alert> RuleState::TakeAlerts() {
  std::vector<Alert> out;
  AppendAlerts(&out);
  instances_.clear();
  return out;
}

absl::flat_hash_set<Labels> RuleState::TakeRecorded() { return std::exchange(recorded_, {}); }

void RuleState::RestoreRecorded(absl::flat_hash_set<Labels> series) { recorded_.merge(series); }

void RuleState::AppendAlerts(std::vector<Alert>* out) const {
  for (const auto& [labels, instance] : instances_) {
    out->push_back(instance.alert);
  }
}

}  // namespace ronda::rules
