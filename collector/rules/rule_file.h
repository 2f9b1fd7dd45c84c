// Rule files: Prometheus' format, with any expression.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/threshold.h"
#include "collector/rules/extensions.h"
#include "collector/template/template.h"
#include "common/model/labels.h"

namespace ronda::rules {

struct TemplatedLabel {
  std::string name;
  tmpl::Template value;
};

// A rule. Of a recording rule `record` is true; it has no for, no keep_firing_for and no
// annotations, and its labels are in `record_labels`.
//
// `clear` (the annotation ronda_clear) is hysteresis: a firing alert stays until it holds. On
// arrival it is a threshold on the selector of the condition (`ronda_clear: node_load1 < 3.5`
// beside `expr: node_load1 > 4`), else any comparison: it holds for an alert when it gives a series
// with the labels of the alert's, or when what it compares has none any more. A pending alert knows
// no hysteresis.
struct Rule {
  std::string name;  // `alert` or `record`
  bool record = false;
  std::string expr;                                // in canonical spelling
  std::shared_ptr<const promql::Expr> expression;  // a vector or a scalar
  std::shared_ptr<const promql::Expr> clear_expression;
  std::optional<promql::Threshold> condition;  // expr, of a rule that may run on arrival
  std::optional<promql::Threshold> clear;      // likewise
  std::vector<Dependency> depends_on;          // ronda_depends_on
  // Evaluated as samples arrive, not at the group's interval: see PlaceRules().
  bool on_arrival = false;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;
  std::vector<TemplatedLabel> labels;       // sorted by name; with the group's
  std::vector<TemplatedLabel> annotations;  // sorted by name
  Labels record_labels;                     // likewise, as they stand
  int line = 0;                             // in its file, from 1
  // 8 hexadecimal digits, others as soon as anything of the rule changes but its place.
  std::string version;
};

inline constexpr int64_t kDefaultIntervalMs = 60'000;

struct RuleGroup {
  std::string name;
  int64_t interval_ms = 0;             // 0: the default
  int64_t query_offset_ms = 0;         // expressions are evaluated so far in the past
  int limit = 0;                       // most alerts or series that a rule may have; 0: any number
  std::vector<TemplatedLabel> labels;  // of all its rules; already in theirs
  std::vector<Rule> rules;

  int64_t IntervalMs() const { return interval_ms > 0 ? interval_ms : kDefaultIntervalMs; }
};

struct RuleFile {
  std::string path;
  std::vector<RuleGroup> groups;
};

// What is wrong, or may be, in a rule file.
struct Problem {
  bool warning = false;
  int line = 0;    // from 1; 0: of the whole file
  int column = 0;  // from 1, in characters
  std::string text;

  std::string Format(std::string_view path) const;  // "PATH:LINE:COLUMN: warning: TEXT"
};

// Everything that is wrong and what looks wrong, in the order of the file. The file is complete if
// none of the problems is an error.
struct RuleFileReport {
  RuleFile file;
  std::vector<Problem> problems;

  bool ok() const;
};
RuleFileReport ReadRules(std::string_view path, std::string_view content);

// kInvalidArgument with a line "PATH:LINE:COLUMN: ..." for each error: not YAML, an unknown key
// (with the nearest known one), a wrong type, an expression or template that does not parse.
absl::StatusOr<RuleFile> ParseRuleFile(std::string_view path, std::string_view content);

// Also kNotFound and kPermissionDenied; at most config::kMaxYamlBytes.
absl::StatusOr<RuleFile> LoadRuleFile(const std::string& path);

// Of rules that depend on an alert that no rule of these files can raise: a line for each,
// "PATH:LINE: ...". Perhaps a name is misspelt: such a dependency always holds.
std::vector<std::string> IdleDependencies(const std::vector<RuleFile>& files);

}  // namespace ronda::rules
