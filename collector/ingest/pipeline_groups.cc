// The part of the pipeline that tells of many silent nodes at once.
// Tested by tests/unit/collector/ingest/group_silence_test.cc.
#include <algorithm>
#include <utility>

#include "collector/ingest/pipeline.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::ingest {
namespace {

// What rules read of it; it is not stored.
constexpr std::string_view kRatio = "ronda_nodes_silent_ratio";

std::shared_ptr<const Schema> RatioSchema(const std::string& group) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{std::string(kRatio), MetricType::kGauge, "",
                      "Nodes of a group that fell silent together, of all of it."}};
  schema->series = {{0, Labels(std::vector<Label>{{"group", group}})}};
  return schema;
}

bool NamesRatio(const std::vector<Matcher>& matchers) {
  return std::any_of(matchers.begin(), matchers.end(), [](const Matcher& matcher) {
    return matcher.name() == kMetricName && matcher.Matches(kRatio);
  });
}

}  // namespace

// Without a rule that reads it each node is told by itself: nothing may go untold.
bool Pipeline::HasGroupRuleLocked() const {
  const auto files = engine_.files();
  for (const rules::RuleFile& file : *files) {
    for (const rules::RuleGroup& group : file.groups) {
      for (const rules::Rule& rule : group.rules) {
        if (rule.on_arrival && NamesRatio(rule.condition->matchers)) {
          return true;
        }
      }
    }
  }
  return false;
}

void Pipeline::UpdateGroupsLocked(int64_t now_mono_ms) {
  const int64_t grace_over_ms = GraceEndLocked() + options_.silence_after_ms;
  if (!old_group_forgotten_ && !groups_.active().has_value() && now_mono_ms > grace_over_ms) {
    old_group_forgotten_ = true;
    TellGroupLocked(0);
  }
  bool due = groups_.active().has_value();
  std::vector<GroupSilence::Node> nodes;
  for (const auto& [id, node] : nodes_) {
    if (node->life == store::LifeState::kRetired || !HadAgent(*node)) {
      continue;
    }
    const int64_t quiet_ms = now_mono_ms - QuietSinceLocked(*node);
    const bool told = node->silent && !groups_.Holds(id);
    due = due || (!told && quiet_ms >= options_.silence_after_ms);
    nodes.push_back({id, &node->info.labels, quiet_ms, told});
  }
  if (!due) {
    return;
  }
  const bool was = groups_.active().has_value();
  if (!was && !HasGroupRuleLocked()) {
    return;
  }
  groups_.Update(nodes, options_.silence_after_ms);
  if (const auto& group = groups_.active()) {
    if (!was) {
      obs::Warn("ingest", "many nodes are silent group=\"{}\" silent={} of={}", group->name,
                group->silent, group->nodes);
      group_source_ = {};
      group_source_.id = next_source_++;
      group_source_.schema = RatioSchema(group->name);
      group_source_.target_labels =
          Labels(std::vector<Label>{{"job", "ronda"}, {"instance", "collector"}});
    }
    TellGroupLocked(group->ratio());
  } else if (was) {
    obs::Info("ingest", "the nodes that were silent together are back, or told one by one");
    TellGroupLocked(0);
  }
}

// 0: it is over. The log has it with one of the nodes.
void Pipeline::TellGroupLocked(double ratio) {
  std::vector<rules::Transition> transitions;
  const int64_t t_ms = std::max(clock_.NowMs(), group_source_.last_ms + 1);
  if (ratio > 0) {
    const std::vector<double> values = {ratio};
    const std::vector<uint32_t> changed = {0};
    engine_.OnTick({.source = group_source_.id,
                    .node = "",
                    .target_labels = group_source_.target_labels,
                    .schema = group_source_.schema,
                    .t_ms = t_ms,
                    .values = values,
                    .changed = changed,
                    .all_changed = group_source_.last_ms == 0},
                   &transitions);
    group_source_.last_ms = t_ms;
  } else {
    engine_.OnNodeForgotten("", t_ms, "heard again, or told one by one", &transitions);
    group_source_ = {};
  }
  if (transitions.empty() || nodes_.empty()) {
    return;
  }
  const auto member =
      groups_.members().empty() ? nodes_.begin() : nodes_.find(*groups_.members().begin());
  Node& node = *member->second;
  for (rules::Transition& owed : std::exchange(node.owed, {})) {
    transitions.insert(transitions.begin(), std::move(owed));
  }
  if (absl::Status status = CommitLocked(member->first, node, {}, {}, std::move(transitions));
      !status.ok()) {
    obs::Error("ingest", "an alert about many silent nodes could not be recorded error=\"{}\"",
               Message(status));
  }
}

}  // namespace ronda::ingest
