// What the evaluation at intervals needs of the collector: the nodes, and a place for its results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/rules/alert.h"
#include "collector/rules/rule_file.h"
#include "collector/rules/transition.h"
#include "common/base/strings.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::rules {

struct RuleSample {
  Labels labels;  // with __name__
  double value = 0;
};

// What one rule gave at one time.
struct RuleCommit {
  std::string source;  // the same for all commits of one rule, of no other
  int64_t t_ms = 0;
  std::vector<RuleSample> samples;  // staleness markers where series end
  std::vector<Transition> transitions;
};

enum class NodeCondition {
  kPushed,  // has no agent: what is known of it others pushed
  kLive,
  kSilent,
  kRetired,
};

// What an agent sends, and rules on arrival see.
struct AgentSource {
  Labels target_labels;  // win over the series' own
  std::shared_ptr<const Schema> schema;

  bool Sends(const Labels& series) const;
  // Whether an alert of the rule, which runs on arrival, can be of one of its series.
  bool CouldRaise(const Rule& rule, const Alert& alert) const;
};

// The nodes that others push samples to, and what their agents send, if they have one.
using PushedNodes = StringMap<std::vector<AgentSource>>;

// Thread-safe. Called with the evaluator's run lock held.
class RuleHost {
 public:
  virtual ~RuleHost() = default;
  // Samples are visible to queries when it returns; all of it is durable later, and nothing is sent
  // before. What of the transitions cannot be taken now is owed: they are never lost. An error is
  // about the samples.
  virtual absl::Status Commit(RuleCommit commit) = 0;
  virtual StringMap<NodeCondition> NodeConditions() const = 0;
  virtual PushedNodes Pushed() const = 0;
};

}  // namespace ronda::rules
