#include "collector/rules/unit_test/memory_host.h"

#include <iterator>

namespace ronda::rules {

absl::Status MemoryHost::Commit(RuleCommit commit) {
  for (const RuleSample& sample : commit.samples) {
    series_.Add(sample.labels, commit.t_ms, sample.value);
  }
  std::move(commit.transitions.begin(), commit.transitions.end(), std::back_inserter(transitions_));
  return absl::OkStatus();
}

}  // namespace ronda::rules
