// Unit tests of rules, in promtool's format:
// https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/script/script.h"
#include "common/model/labels.h"

namespace ronda::rules {

struct ExpectedAlert {
  Labels labels;                   // with alertname
  std::vector<Label> annotations;  // sorted by name
};

// At a time exactly these alerts of a name fire.
struct AlertCase {
  int line = 0;
  int64_t at_ms = 0;  // since the first sample
  std::string alertname;
  std::string group;  // "": of any
  std::vector<ExpectedAlert> alerts;
};

struct ExpectedSample {
  Labels labels;
  double value = 0;
};

// At a time an expression gives exactly these.
struct ExprCase {
  int line = 0;
  int64_t at_ms = 0;
  std::string expr;
  std::vector<ExpectedSample> samples;
};

struct TestGroup {
  int line = 0;
  std::string name;
  int64_t interval_ms = 0;  // between the points of a series
  std::vector<promql::ScriptSeries> series;
  std::vector<AlertCase> alerts;
  std::vector<ExprCase> exprs;
  Labels external_labels;
  std::string external_url;
};

struct TestFile {
  std::string path;
  std::vector<std::string> rule_files;  // files and globs, as written
  int64_t evaluation_interval_ms = 60'000;
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;  // samples are equal that agree to about 15 digits
  std::vector<TestGroup> tests;
};

// kInvalidArgument with a line "PATH:LINE:COLUMN: ..." for each error.
absl::StatusOr<TestFile> ParseTestFile(std::string_view path, std::string_view content);

}  // namespace ronda::rules
