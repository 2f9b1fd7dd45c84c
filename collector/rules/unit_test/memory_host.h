// A host of rules whose results stay in memory: for tests of rules, and for what would have been.
#pragma once

#include <utility>
#include <vector>

#include "collector/promql/script/memory_series.h"
#include "collector/rules/interval/host.h"

namespace ronda::rules {

// Not thread-safe. The series must outlive it.
class MemoryHost : public RuleHost {
 public:
  explicit MemoryHost(promql::MemorySeries& series) : series_(series) {}

  absl::Status Commit(RuleCommit commit) override;
  StringMap<NodeCondition> NodeConditions() const override { return nodes_; }
  PushedNodes Pushed() const override { return pushed_; }

  void SetNode(std::string_view name, NodeCondition condition) {
    nodes_[std::string(name)] = condition;
    if (condition == NodeCondition::kPushed) {
      pushed_[std::string(name)];
    }
  }
  // Samples are pushed to a node whose agent sends these.
  void PushBeside(std::string_view name, std::vector<AgentSource> sources) {
    pushed_[std::string(name)] = std::move(sources);
  }
  // Since the last call.
  std::vector<Transition> TakeTransitions() { return std::exchange(transitions_, {}); }

 private:
  promql::MemorySeries& series_;
  StringMap<NodeCondition> nodes_;
  PushedNodes pushed_;
  std::vector<Transition> transitions_;
};

}  // namespace ronda::rules
