// Rules compiled against a schema: which column is compared with what.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collector/promql/threshold.h"
#include "collector/rules/rule_file.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::rules {

// A rule with its place; borrowed from the engine's rule files.
struct PlacedRule {
  const Rule* rule = nullptr;
  const RuleGroup* group = nullptr;
  bool reads_up = false;  // it can select the series `up`
};

// Immutable; shared by all sources with one schema for which the same rules are possible (say, all
// nodes of a kind), so that it costs per schema and not per node.
struct Plan {
  struct Entry {
    uint32_t column = 0;
    uint32_t rule = 0;  // index into the engine's rules
    promql::BinaryOp op = promql::BinaryOp::kEqual;
    double number = 0;
  };

  std::shared_ptr<const Schema> schema;
  int up_column = -1;           // of the series `up`; -1 if there is none
  std::vector<Entry> entries;   // by column, then by rule
  std::vector<uint32_t> first;  // entries of column c: [first[c], first[c + 1])

  bool Holds(uint32_t entry, double value) const {
    return promql::Threshold::Compare(entries[entry].op, value, entries[entry].number);
  }
};

// The rules whose matchers on the target's own labels (node, job, instance, ...) are satisfied.
std::vector<uint32_t> RulesFor(const std::vector<PlacedRule>& rules, const Labels& target_labels);

// `candidates` as RulesFor() gave them for `target_labels`. Where a series has a label that the
// target has too, the target's wins.
std::shared_ptr<const Plan> CompilePlan(const std::vector<PlacedRule>& rules,
                                        const std::vector<uint32_t>& candidates,
                                        const Labels& target_labels,
                                        std::shared_ptr<const Schema> schema);

}  // namespace ronda::rules
