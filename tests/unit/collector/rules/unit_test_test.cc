// `ronda rules test`: promtool's format.
#include <gtest/gtest.h>

#include "collector/rules/unit_test/test_file.h"
#include "collector/rules/unit_test/test_runner.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

constexpr char kRules[] = R"(groups:
- name: g
  rules:
  - {record: 'job:up:sum', expr: 'sum by (job) (up)'}
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.instance }} of {{ $externalLabels.site }} is {{ $value }}'}
- name: first
  rules:
  - {alert: Few, expr: 'job:up:sum < 2'}
)";

std::vector<std::string> RunTest(const std::string& test, const std::string& head = "") {
  auto rules = ParseRuleFile("r.yml", kRules);
  EXPECT_OK(rules);
  auto file = ParseTestFile("t.yml", head + "rule_files: [r.yml]\ntests:\n" + test);
  EXPECT_OK(file);
  return file.ok() ? RunTests(*file, {*rules}) : std::vector<std::string>{"no test"};
}

constexpr char kSeries[] = R"(- interval: 1m
  external_labels: {site: jkt}
  input_series:
  - {series: 'up{job="p",instance="a"}', values: '0 0 0 0 0 0 0 0 0 0'}
  - {series: 'up{job="p",instance="b"}', values: '1+0x4 stale'}
)";

TEST(RulesTestTest, WhatIsAsExpectedPasses) {
  EXPECT_EQ(RunTest(std::string(kSeries) + R"(
  alert_rule_test:
  - {eval_time: 4m, alertname: Down, exp_alerts: []}
  - eval_time: 5m30s
    alertname: Down
    exp_alerts:
    - exp_labels: {severity: page, job: p, instance: a}
      exp_annotations: {summary: a of jkt is 0}
  - {eval_time: 5m, alertname: Few, groupname: first, exp_alerts: [{exp_labels: {job: p}}]}
  promql_expr_test:
  - {expr: 'job:up:sum + 1', eval_time: 4m, exp_samples: [{labels: '{job="p"}', value: 2}]}
  - {expr: 'count(up)', eval_time: 5m, exp_samples: [{value: 1}]}
  - {expr: 'up offset 1m', eval_time: 5m, exp_samples: [
      {labels: 'up{job="p",instance="b"}', value: 1}, {labels: 'up{job="p",instance="a"}', value: 0}]}
  - {expr: 'nothing', eval_time: 5m}
  - {expr: 'ALERTS{alertname="Down"}', eval_time: 3m, exp_samples: [
      {labels: 'ALERTS{alertname="Down",alertstate="pending",instance="a",job="p",severity="page"}', value: 1}]}
)"),
            std::vector<std::string>());
}

TEST(RulesTestTest, WhatIsNotIsShownWithBothSides) {
  const auto failures = RunTest(std::string(kSeries) + R"(
  name: wrong
  alert_rule_test:
  - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {instance: a}}]}
  - {eval_time: 1m, alertname: Few, exp_alerts: [{exp_labels: {job: q}}]}
  promql_expr_test:
  - {expr: 'sum(up)', eval_time: 1m, exp_samples: [{value: 2}]}
  - {expr: 'sum(', eval_time: 1m}
)");
  ASSERT_EQ(failures.size(), 4U);
  EXPECT_EQ(failures[1], R"(name: wrong,
    alertname: Down, time: 5m, line: 11,
        exp:[
            0:
              Labels:{alertname="Down", instance="a"}
              Annotations:{}
        ],
        got:[
            0:
              Labels:{alertname="Down", instance="a", job="p", severity="page"}
              Annotations:{summary="a of jkt is 0"}
        ])");
  EXPECT_NE(failures[0].find("alertname: Few, time: 1m"), std::string::npos) << failures[0];
  EXPECT_NE(
      failures[2].find("expr: \"sum(up)\", time: 1m, line: 14,\n        exp:\n            {} 2\n"
                       "        got:\n            {} 1"),
      std::string::npos)
      << failures[2];
  EXPECT_NE(failures[3].find("err: 1:"), std::string::npos) << failures[3];
}

// The group that is mentioned is evaluated first, before what it reads is recorded.
TEST(RulesTestTest, GroupsAreEvaluatedInTheOrderThatIsAsked) {
  const std::string test = std::string(kSeries) + R"(
  alert_rule_test:
  - {eval_time: 0m, alertname: Few, exp_alerts: [{exp_labels: {job: p}}]}
)";
  EXPECT_EQ(RunTest(test).size(), 0U);
  EXPECT_EQ(RunTest(test, "group_eval_order: [first]\n").size(), 1U);
}

TEST(RulesTestTest, ABadFileIsRefusedWithItsPlaces) {
  EXPECT_THAT(ParseTestFile("t.yml", R"(rule_file: [a]
evaluation_interval: soon
tests:
- input_series:
  - {series: 'up{', values: 1}
  alert_rule_test: [{eval_time: 1m}]
  promql_expr_test:
  - {expr: up, eval_time: 1m, exp_samples: [{value: many}]}
)"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "t.yml:1:1: unknown key \"rule_file\" in the file"));
  for (const char* part : {"t.yml:2:22: \"evaluation_interval\"",
                           "t.yml:5:5: ", "t.yml:6:21: an alert_rule_test has no",
                           "t.yml:8:45: \"value\" must be a number"}) {
    EXPECT_THAT(ParseTestFile("t.yml", R"(rule_file: [a]
evaluation_interval: soon
tests:
- input_series:
  - {series: 'up{', values: 1}
  alert_rule_test: [{eval_time: 1m}]
  promql_expr_test:
  - {expr: up, eval_time: 1m, exp_samples: [{value: many}]}
)"),
                StatusIs(absl::StatusCode::kInvalidArgument, part));
  }
}

}  // namespace
}  // namespace ronda::rules
