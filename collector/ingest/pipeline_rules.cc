// The part of the pipeline that rules drive: what they record, and their alerts.
// Tested by tests/unit/collector/ingest/rule_series_test.cc.
#include <algorithm>
#include <map>
#include <utility>

#include "collector/ingest/pipeline.h"
#include "collector/rules/placement.h"
#include "common/base/status.h"
#include "common/model/rule_series.h"
#include "common/obs/log.h"

namespace ronda::ingest {

// Alerts of rules on arrival are the engine's if an agent sends their series, the rest `others`.
absl::Status Pipeline::RestoreAlertsLocked(std::vector<rules::Alert>* others) {
  std::vector<rules::Alert> ours;
  StringMap<const Node*> with_agent;
  for (const auto& [id, node] : nodes_) {
    if (HadAgent(*node) || node->life == store::LifeState::kExpected) {
      with_agent[node->info.name] = node.get();
    }
  }
  const auto files = engine_.files();
  const auto arrives = [&](const rules::Alert& alert) {
    const auto found = with_agent.find(alert.node);
    // No node: of a group of silent nodes, which the engine was told.
    if (!alert.node.empty() && found == with_agent.end()) {
      return false;
    }
    const Node* const pushed_to =
        found != with_agent.end() && found->second->pushed_to ? found->second : nullptr;
    const std::vector<rules::AgentSource> sources =
        pushed_to != nullptr ? AgentSources(*pushed_to) : std::vector<rules::AgentSource>();
    bool at_interval = false;
    for (const rules::RuleFile& file : *files) {
      for (const rules::RuleGroup& group : file.groups) {
        for (const rules::Rule& rule : group.rules) {
          if (rules::CouldRaise(group, rule, alert)) {
            if (rule.on_arrival) {
              return pushed_to == nullptr ||
                     std::any_of(sources.begin(), sources.end(), [&](const auto& source) {
                       return source.CouldRaise(rule, alert);
                     });
            }
            at_interval = true;
          }
        }
      }
    }
    return !at_interval;
  };
  RONDA_RETURN_IF_ERROR(
      store_.ScanState(rules::kAlertSpace, [&](std::string_view key, std::string_view value) {
        auto alert = rules::DecodeAlert(value);
        if (!alert.ok()) {
          obs::Error("ingest", "a stored alert cannot be read and is left out key={} error=\"{}\"",
                     key, Message(alert.status()));
          return;
        }
        if (arrives(*alert)) {
          ours.push_back(*std::move(alert));
        } else if (others != nullptr) {
          others->push_back(*std::move(alert));
        }
      }));
  for (const rules::Alert& alert : ours) {
    alert_series_.Restore(alert);
  }
  engine_.Restore(std::move(ours));
  return absl::OkStatus();
}

StringMap<rules::NodeCondition> Pipeline::NodeConditions() const {
  using rules::NodeCondition;
  MutexLock lock(&mu_);
  StringMap<NodeCondition> out;
  for (const auto& [id, node] : nodes_) {
    if (node->info.agent_version == kOfRulesAlone) {
      continue;
    }
    out[node->info.name] = node->life == store::LifeState::kRetired    ? NodeCondition::kRetired
                           : node->silent                              ? NodeCondition::kSilent
                           : HadAgent(*node) || node->life.has_value() ? NodeCondition::kLive
                                                                       : NodeCondition::kPushed;
  }
  return out;
}

std::vector<rules::AgentSource> Pipeline::AgentSources(const Node& node) {
  std::vector<rules::AgentSource> out;
  for (const auto& [identity, source] : node.sources) {
    out.push_back({source.target_labels, source.schema});
  }
  return out;
}

rules::PushedNodes Pipeline::Pushed() const {
  MutexLock lock(&mu_);
  rules::PushedNodes out;
  for (const auto& [id, node] : nodes_) {
    const bool has_agent = HadAgent(*node) || node->life.has_value();
    if (node->life == store::LifeState::kRetired || node->info.agent_version == kOfRulesAlone ||
        (has_agent && !node->pushed_to)) {
      continue;
    }
    out[node->info.name] = AgentSources(*node);
  }
  return out;
}

absl::StatusOr<store::NodeId> Pipeline::RuleNodeLocked(const std::string& name) {
  const auto known = rule_nodes_.find(name);
  if (known != rule_nodes_.end()) {
    return known->second;
  }
  // The label `node` of what rules record may say anything.
  if (nodes_.size() >= 4 * options_.max_nodes) {
    return Fail(
        absl::StatusCode::kResourceExhausted,
        "the label node of recorded series has too many values: {} names of nodes are known",
        nodes_.size());
  }
  const std::optional<store::NodeInfo> stored = store_.FindNode(name);
  store::NodeInfo info = stored.value_or(store::NodeInfo{});
  if (!stored) {
    info.name = name;
    info.agent_version = kOfRulesAlone;
  }
  RONDA_ASSIGN_OR_RETURN(const store::NodeId id, store_.PutNode(info));
  std::unique_ptr<Node>& slot = nodes_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Node>();
    slot->info = std::move(info);
  }
  rule_nodes_[name] = id;
  return id;
}

absl::Status Pipeline::Commit(rules::RuleCommit commit) {
  MutexLock lock(&mu_);
  return CommitRuleLocked(std::move(commit));
}

// What concerns one node goes into one commit.
absl::Status Pipeline::CommitRuleLocked(rules::RuleCommit commit) {
  struct Part {
    std::vector<rules::RuleSample> samples;
    std::vector<rules::Transition> transitions;
  };
  std::map<std::string, Part> parts;
  for (rules::Transition& transition : commit.transitions) {
    std::string node = transition.alert.node;
    parts[std::move(node)].transitions.push_back(std::move(transition));
  }
  absl::Status status;
  if (store_.DiskFull()) {
    status = commit.samples.empty() ? status
                                    : Fail(absl::StatusCode::kResourceExhausted,
                                           "the collector's disk is full: nothing is recorded");
  } else {
    for (rules::RuleSample& sample : commit.samples) {
      std::string node(sample.labels.Get("node"));
      parts[std::move(node)].samples.push_back(std::move(sample));
    }
  }
  for (auto& [label, part] : parts) {
    const std::string name = label.empty() ? std::string(kNoNode) : label;
    const absl::StatusOr<store::NodeId> id = RuleNodeLocked(name);
    if (!id.ok()) {
      status = id.status();
      obs::Warn("ingest", "a rule's results are left out source=\"{}\" error=\"{}\"", commit.source,
                Message(status));
      continue;
    }
    Node& node = *nodes_.at(*id);
    std::vector<store::Batch> batches;
    auto frames = rule_frames_.Make(*id, commit.source, commit.t_ms, part.samples, store_, &own_);
    if (!frames.ok()) {
      status = frames.status();
    } else if (!frames->empty()) {
      store::Batch& batch = batches.emplace_back();
      batch.node = *id;
      batch.epoch = own_.epoch();
      batch.frames = *std::move(frames);
    }
    std::vector<rules::Transition> transitions = std::exchange(node.owed, {});
    std::move(part.transitions.begin(), part.transitions.end(), std::back_inserter(transitions));
    if (absl::Status taken =
            CommitLocked(*id, node, std::move(batches), {}, std::move(transitions));
        !taken.ok()) {
      status = std::move(taken);
    }
  }
  return status;
}

// ALERTS of the rules on arrival: when something has changed, and now and then so that it is not
// stale.
void Pipeline::TellAlertsLocked() {
  const uint64_t transitions = engine_.counters().transitions;
  const int64_t now_mono_ms = clock_.MonotonicMs();
  if (transitions == alerts_told_ && now_mono_ms - alerts_told_mono_ms_ < kTellAlertsMs) {
    return;
  }
  const std::vector<rules::Alert> alerts = engine_.Active();
  std::vector<const rules::Alert*> all;
  for (const rules::Alert& alert : alerts) {
    all.push_back(&alert);
  }
  rules::RuleCommit commit;
  commit.source = "on arrival";
  commit.t_ms = clock_.NowMs();
  alert_series_.Update(all, &commit.samples);
  alerts_told_ = transitions;
  alerts_told_mono_ms_ = now_mono_ms;
  if (commit.samples.empty()) {
    return;
  }
  if (absl::Status status = CommitRuleLocked(std::move(commit)); !status.ok()) {
    obs::Debug("ingest", "ALERTS is not written: {}", Message(status));
  }
}

}  // namespace ronda::ingest
