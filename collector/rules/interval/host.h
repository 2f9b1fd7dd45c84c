// What the evaluation at intervals needs of the collector: the nodes, and a place for its results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/rules/transition.h"
#include "common/base/strings.h"
#include "common/model/labels.h"

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

// Thread-safe. Called with the evaluator's run lock held.
class RuleHost {
 public:
  virtual ~RuleHost() = default;
  // Samples are visible to queries when it returns; all of it is durable later, and nothing is sent
  // before. What of the transitions cannot be taken now is owed: they are never lost. An error is
  // about the samples.
  virtual absl::Status Commit(RuleCommit commit) = 0;
  virtual StringMap<NodeCondition> NodeConditions() const = 0;
};

}  // namespace ronda::rules
