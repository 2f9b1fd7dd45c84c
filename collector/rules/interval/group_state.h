// A group of rules evaluated one after the other, each seeing what those before it recorded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/rules/interval/rule_state.h"

namespace ronda::rules {

// How the last evaluation of a rule went.
struct RuleHealth {
  bool evaluated = false;
  std::string error;  // "" if it went well
  int64_t last_ms = 0;
  int64_t duration_us = 0;
};

struct GroupHealth {
  int64_t last_ms = 0;  // 0: never
  int64_t duration_us = 0;
  int64_t missed = 0;  // evaluations that a slow one left no time for
  std::vector<RuleHealth> rules;
};

// Not thread-safe. File and group must outlive it.
class GroupState {
 public:
  GroupState(const RuleFile& file, const RuleGroup& group);

  const RuleFile& file() const { return file_; }
  const RuleGroup& group() const { return group_; }
  std::vector<RuleState>& rules() { return rules_; }
  const std::vector<RuleState>& rules() const { return rules_; }
  const GroupHealth& health() const { return health_; }

  // Evaluations are at offset + N intervals. Offsets are spread by name.
  int64_t OffsetMs() const;
  int64_t next_ms() const { return next_ms_; }
  // The first time after `now_ms`.
  void Schedule(int64_t now_ms);
  // The time to evaluate at, now that it is due: the last one that is not in the future. Those
  // between are missed. Moves next_ms() on.
  int64_t Due(int64_t now_ms);

  // What one evaluation of one rule was about.
  struct Tools {
    const store::Queryable& data;
    RuleHost& host;
    const TextContext& texts;  // without query
    int64_t unknown_for_ms = 0;
    promql::QueryOptions query;
  };
  // `evaluated` is called after each rule, with its number. Stops in between if *tools.query.
  // cancelled. An error of a rule is in health() alone.
  void Evaluate(int64_t t_ms, const StringMap<NodeCondition>& nodes, const Tools& tools,
                absl::FunctionRef<void(size_t rule)> evaluated);

 private:
  absl::Status EvaluateRule(size_t number, int64_t t_ms, const StringMap<NodeCondition>& nodes,
                            const PushedNodes& pushed, const Tools& tools);

  const RuleFile& file_;
  const RuleGroup& group_;
  std::vector<RuleState> rules_;
  GroupHealth health_;
  int64_t next_ms_ = 0;
};

}  // namespace ronda::rules
