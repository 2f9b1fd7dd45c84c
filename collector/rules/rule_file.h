// Rule files: Prometheus' format, read strictly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/threshold.h"
#include "collector/template/template.h"

namespace ronda::rules {

struct TemplatedLabel {
  std::string name;
  tmpl::Template value;
};

// An alerting rule.
//
// `clear` (the annotation ronda_clear) is hysteresis: a firing alert stays until it holds. It must
// be on the same selector: `ronda_clear: node_load1 < 3.5` beside `expr: node_load1 > 4`. A pending
// alert knows no hysteresis: it needs `condition` all the time.
struct Rule {
  std::string name;             // `alert`
  promql::Threshold condition;  // `expr`
  std::optional<promql::Threshold> clear;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;
  std::vector<TemplatedLabel> labels;       // sorted by name; without $value: they are identity
  std::vector<TemplatedLabel> annotations;  // sorted by name
  int line = 0;                             // in its file, from 1
};

struct RuleGroup {
  std::string name;
  int64_t interval_ms = 0;  // 0: the default. Thresholds run as samples arrive, whatever it says
  int limit = 0;            // most alerts a rule may have at a time; 0: any number
  std::vector<Rule> rules;
};

struct RuleFile {
  std::string path;
  std::vector<RuleGroup> groups;
};

// kInvalidArgument, "PATH:LINE:COLUMN: ...", at the first thing that is wrong: not YAML, an unknown
// key (with the nearest known one), a wrong type, an expression or template that does not parse, a
// duplicate. Recording rules are refused until PromQL is there.
absl::StatusOr<RuleFile> ParseRuleFile(std::string_view path, std::string_view content);

// Also kNotFound and kPermissionDenied; at most 1 MiB.
absl::StatusOr<RuleFile> LoadRuleFile(const std::string& path);

}  // namespace ronda::rules
