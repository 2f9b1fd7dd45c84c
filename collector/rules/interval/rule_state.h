// One rule of a group that is evaluated at its interval, and what it remembers.
//
// Evaluation of an alerting rule is Prometheus': each series of the answer is an instance, one that
// has none any more is false. Ronda tells two kinds of absence from that, so that missing data
// neither resolves an alert nor raises one:
//
//   - The alert has a label `node` that names a node with an agent, and the node is silent: its
//     alerts are unknown, whatever the expression says of its last samples, and none is raised.
//     Not so for a rule that is about absence (absent(), or a selector of up, ronda_gap or ALERTS).
//   - The instance has vanished, a source of the alert's node (of its job and instance, if the
//   alert
//     has those labels) says up = 0, and the expression read series of that source within the last
//     hour: it is unknown, "source failing", until that source is up again.
//
// All else is false: a series that ended, one that others pushed (no agent vouches for it),
// and an aggregation over nodes, whose labels name none.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/rules/alert.h"
#include "collector/rules/interval/alert_series.h"
#include "collector/rules/interval/host.h"
#include "collector/rules/lifecycle.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"

namespace ronda::rules {

// What holds for the evaluation of a rule at one time. All is borrowed.
struct EvaluationContext {
  const store::Queryable& data;
  int64_t t_ms = 0;
  const StringMap<NodeCondition>& nodes;
  const PushedNodes& pushed;
  LifeOptions life;
  promql::QueryOptions query;
};

// Not thread-safe. Group and rule must outlive it.
class RuleState {
 public:
  RuleState(const RuleGroup& group, const Rule& rule);

  const Rule& rule() const { return rule_; }

  // Evaluates the rule and takes its alerts a step on. On an error nothing has changed: neither
  // does an alert fire nor does one resolve because a query failed.
  absl::Status Evaluate(const EvaluationContext& context, RuleCommit* out);

  // An alert of before a restart or reload, of a rule that CouldRaise() it.
  void Restore(Alert alert);
  // Gives its alerts away, with the series that it wrote.
  std::vector<Alert> TakeAlerts();
  absl::flat_hash_set<Labels> TakeRecorded();
  // Series that the rule wrote before a reload: they end if it does not go on with them.
  void RestoreRecorded(absl::flat_hash_set<Labels> series);

  void AppendAlerts(std::vector<Alert>* out) const;
  size_t alerts() const { return instances_.size(); }

 private:
  struct Instance {
    Alert alert;
    bool restored = false;  // not evaluated since
  };
  using Series = promql::Series;

  absl::StatusOr<std::vector<Series>> Query(const promql::Expr& expr,
                                            const EvaluationContext& context) const;
  // What agents send left out: that arrives.
  absl::StatusOr<std::vector<Series>> QueryPushed(const EvaluationContext& context);
  absl::Status Record(std::vector<Series> series, RuleCommit* out);
  absl::Status Alerting(std::vector<Series> series, const EvaluationContext& context,
                        RuleCommit* out);
  // What there is to see of each alert that is there, or that has a series now.
  absl::StatusOr<std::map<Labels, Observation>> Observe(
      const std::map<Labels, const Series*>& present, const EvaluationContext& context) const;
  void Step(const Labels& labels, std::string_view node_of_series, Observation* seen,
            const EvaluationContext& context, RuleCommit* out);
  // The labels of the alerts that ronda_clear holds: what it compares is there, and it is false.
  absl::StatusOr<absl::flat_hash_set<Labels>> NotCleared(const EvaluationContext& context) const;
  absl::StatusOr<Observation> ObserveAbsent(const Instance& instance,
                                            const EvaluationContext& context,
                                            const absl::flat_hash_set<Labels>& not_cleared) const;
  absl::StatusOr<bool> SourceFails(const Alert& alert, const EvaluationContext& context) const;
  absl::Status ResumePending(const EvaluationContext& context);
  NodeCondition ConditionOf(std::string_view node, const EvaluationContext& context) const;

  const RuleGroup& group_;
  const Rule& rule_;
  const bool about_silence_;
  std::map<Labels, Instance> instances_;  // by the alert's labels
  bool restored_ = false;                 // some instance is
  AlertSeries series_;
  absl::flat_hash_set<Labels> recorded_;  // by the last evaluation
  // Of a rule on arrival: its expression over the nodes to which others push samples, which never
  // arrive, and their names in it.
  std::string pushed_nodes_;
  promql::ExprPtr pushed_;
};

}  // namespace ronda::rules
