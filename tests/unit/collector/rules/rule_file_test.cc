#include "collector/rules/rule_file.h"

#include <gtest/gtest.h>

#include "collector/promql/parser.h"
#include "collector/rules/placement.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::rules {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A file with one rule whose lines are `rule`, each with its own indentation.
std::string WithRule(const std::string& rule) {
  return "groups:\n- name: g\n  rules:\n  - " + rule + "\n";
}

TEST(RuleFileTest, ReadsEveryKey) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("a.yml", R"(
groups:
- name: first
  interval: 30s
  limit: 5
  rules:
  - alert: Hot
    expr: 80 < cpu{core=~"0|1"}
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: warning, level: 3}
    annotations:
      summary: 'CPU {{ $value | humanize }}'
      ronda_clear: cpu{core=~"0|1"} < 72
  - alert: Cold
    expr: |
      # comments are PromQL's
      cpu < 1
- name: second
  rules:
- name: third
)"));
  ASSERT_EQ(file.groups.size(), 3U);
  const RuleGroup& group = file.groups[0];
  EXPECT_EQ(group.interval_ms, 30'000);
  EXPECT_EQ(group.limit, 5);
  ASSERT_EQ(group.rules.size(), 2U);
  const Rule& rule = group.rules[0];
  EXPECT_EQ(rule.name, "Hot");
  EXPECT_EQ(rule.line, 7);
  EXPECT_EQ(rule.condition->ToString(), "cpu{core=~\"0|1\"} > 80");
  EXPECT_EQ(rule.expr, "80 < cpu{core=~\"0|1\"}");
  EXPECT_EQ(rule.for_ms, 300'000);
  EXPECT_EQ(rule.keep_firing_for_ms, 5'400'000);
  ASSERT_EQ(rule.labels.size(), 2U);
  EXPECT_EQ(rule.labels[0].name, "level");
  EXPECT_EQ(rule.labels[0].value.text(), "3");
  ASSERT_TRUE(rule.clear.has_value());
  EXPECT_EQ(rule.clear->number, 72);
  EXPECT_FALSE(group.rules[1].clear.has_value());
}

TEST(RuleFileTest, AnotherDefinitionIsAnotherVersion) {
  const auto version = [](const std::string& rule) {
    const auto file = ParseRuleFile("a.yml", WithRule(rule));
    EXPECT_OK(file);
    return file->groups[0].rules[0].version;
  };
  const std::string first = version("alert: A\n    expr: up > 1\n    annotations: {s: x}");
  EXPECT_EQ(first.size(), 8U);
  EXPECT_EQ(first, version("expr: up   >  1 # why\n    alert: A\n    annotations: {s: x}"));
  for (const char* other :
       {"alert: A\n    expr: up > 2\n    annotations: {s: x}",
        "alert: A\n    expr: up > 1\n    annotations: {s: y}",
        "alert: A\n    expr: up > 1\n    for: 1s\n    annotations: {s: x}",
        "alert: A\n    expr: up > 1\n    keep_firing_for: 1s\n    annotations: {s: x}",
        "alert: A\n    expr: up > 1\n    labels: {a: b}\n    annotations: {s: x}"}) {
    EXPECT_NE(first, version(other)) << other;
  }
}

TEST(RuleFileTest, NamesMayBeAnyUtf8) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("a.yml", R"(
groups:
- name: g
  rules:
  - {record: http.server.dauer ü, expr: '{"http.request"} * 2', labels: {k8s.pod: a}}
  - alert: Slow
    expr: '{"http.server.dauer ü","k8s.pod"=~"a.*"} > 1'
    labels: {service.name: '{{ index $labels "k8s.pod" }}'}
    annotations: {was.tun: nichts, ronda_depends_on: 'not Other on ("k8s.pod", node)'}
)"));
  const std::vector<Rule>& rules = file.groups[0].rules;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].name, "http.server.dauer ü");
  EXPECT_EQ(rules[0].record_labels.Get("k8s.pod"), "a");
  EXPECT_EQ(rules[1].labels[0].name, "service.name");
  EXPECT_EQ(rules[1].depends_on[0].equal, (std::vector<std::string>{"k8s.pod", "node"}));
  ASSERT_TRUE(rules[1].condition.has_value());
  EXPECT_OK(promql::Parse(rules[1].condition->ToString())) << rules[1].condition->ToString();
}

TEST(RuleFileTest, AnEmptyFileHasNoRules) {
  for (const std::string_view text : {"", "# nothing\n", "groups:\n", "groups: []\n", "{}"}) {
    const auto file = ParseRuleFile("a.yml", text);
    ASSERT_OK(file) << text;
    EXPECT_TRUE(file->groups.empty());
  }
}

TEST(RuleFileTest, ErrorsSayWhereAndWhat) {
  const std::pair<std::string, std::string> kCases[] = {
      {"groups: [", "end of sequence flow not found"},
      {"a\n", "a.yml:1:1: the file must be a map of groups"},
      {"group: []\n", "a.yml:1:1: unknown key \"group\" in the file, did you mean \"groups\"?"},
      {"groups: 5\n", "a.yml:1:9: \"groups\" must be a list"},
      {"groups: []\n---\ngroups: []\n", "a second document"},
      {"groups:\n- rules: []\n", "a.yml:2:3: the group has no \"name\""},
      {"groups:\n- name: g\n  intervall: 1m\n",
       "a.yml:3:3: unknown key \"intervall\" in a group, did you mean \"interval\"?"},
      {"groups:\n- name: g\n  interval: fast\n", "a.yml:3:13: \"interval\" must be a duration"},
      {"groups:\n- name: g\n  limit: -1\n", "\"limit\" must be a whole number"},
      {"groups:\n- name: g\n  limit: 1x\n", "\"limit\" must be a whole number"},
      {"groups:\n- name: g\n  query_offset: late\n",
       "a.yml:3:17: \"query_offset\" must be a duration"},
      {"groups:\n- name: g\n- name: g\n", "a.yml:3:9: the group \"g\" is there twice"},
      {"groups:\n- name: g\n  name: h\n", "a.yml:3:3: the key \"name\" is there already"},
      {"groups:\n- name: g\n  rules: {}\n", "\"rules\" must be a list"},
      {WithRule("record: 'a{b=\"c\"}'\n    expr: up > 1"),
       "a.yml:4:13: \"a{b=\"c\"}\" cannot be the name of a series: it has no braces"},
      {WithRule("record: a:b\n    expr: up > 1\n    for: 5m"),
       "a.yml:6:10: the rule \"a:b\" records a series: it has no \"for\""},
      {WithRule("record: a:b\n    alert: A\n    expr: up"), "a.yml:4:5: a rule is either"},
      {WithRule("expr: up > 1"), "a.yml:4:5: the rule has no \"alert\""},
      {WithRule("alert: A"), "the rule \"A\" has no \"expr\""},
      {WithRule("alert: A\n    exp: up > 1"),
       "a.yml:5:5: unknown key \"exp\" in a rule, did you mean"},
      {WithRule("alert: A\n    expr: rate(x) > 1"), "a.yml:5:16: expr of the rule \"A\": "},
      {WithRule("alert: A\n    expr: 'rate(x) > 1'"), "a.yml:5:17: expr of the rule \"A\": "},
      {WithRule("alert: A\n    expr: |\n      # why\n      up >\n\n      rate(x)"),
       "a.yml:9:12: expr of the rule \"A\": "},
      {WithRule("alert: A\n    expr: >\n      rate(x)\n      > 1"),
       "a.yml:5:11: expr of the rule \"A\": 1:6: "},
      {WithRule("alert: A\n    expr: rate(x[5m]) +"), "a.yml:5:24: expr of the rule \"A\": "},
      {WithRule("alert: A\n    expr: x[5m]"),
       "a.yml:5:11: expr of the rule \"A\" gives a range vector"},
      {WithRule("alert: A\n    expr: '\"text\"'"), "gives a string"},
      {WithRule("alert: A\n    expr: [up]"), "\"expr\" in the rule \"A\" must be a text"},
      {WithRule("alert: A\n    expr: up > 1\n    for: 5"),
       "a.yml:6:10: \"for\" must be a duration"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: [a]"),
       "\"labels\" of the rule \"A\" must be a map"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {\"\": c}"),
       "\"\" in labels of the rule \"A\" is not a name"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a: b, a: c}"),
       "the key \"a\" is there already"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {__name__: c}"), "is reserved"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a: [c]}"), "must be a text"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {a: '{{ $value | roundUp }}'}"),
       "a.yml:6:22: \"a\" in annotations of the rule \"A\": line 1: function \"roundUp\" not "
       "defined"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {ronda_clear: up <}"),
       "ronda_clear of the rule \"A\": unexpected"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {ronda_clear: 5}"),
       "ronda_clear of the rule \"A\" must compare"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(ParseRuleFile("a.yml", text), StatusIs(kInvalid, message)) << text;
  }
}

TEST(RuleFileTest, EveryErrorIsTold) {
  const RuleFileReport report = ReadRules("a.yml", R"(groups:
- name: g
  intervall: 1m
  rules:
  - alert: A
    expr: rate(up) > 1
    for: long
  - record: 'a{b}'
    expr: sum(
- name: g
  limit: x
)");
  std::vector<std::string> told;
  for (const Problem& problem : report.problems) {
    told.push_back(problem.Format("a.yml").substr(0, 28));
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      "a.yml:3:3: unknown key \"inte", "a.yml:6:16: expr of the rule",
                      "a.yml:7:10: \"for\" must be a ", "a.yml:8:13: \"a{b}\" cannot be",
                      "a.yml:9:15: expr of the rule", "a.yml:10:9: the group \"g\" is",
                      "a.yml:11:10: \"limit\" must be"}));
  EXPECT_FALSE(report.ok());
}

TEST(RuleFileTest, WhatLooksWrongIsAWarning) {
  const RuleFileReport report = ReadRules("a.yml", R"(groups:
- name: g
  rules:
  - alert: A
    expr: up == bool 0
    labels: {alertname: B, v: '{{ $value }}'}
  - {alert: A, expr: up > 1, labels: {v: '{{ $value }}'}}
)");
  EXPECT_TRUE(report.ok());
  std::vector<std::string> told;
  for (const Problem& problem : report.problems) {
    told.push_back(problem.Format("a.yml").substr(0, 36));
  }
  EXPECT_EQ(told,
            (std::vector<std::string>{
                "a.yml:5:11: warning: expr of the rul", "a.yml:6:13: warning: the label \"aler",
                "a.yml:6:13: warning: the label \"v\" o", "a.yml:7:5: warning: the group \"g\" ha",
                "a.yml:7:38: warning: the label \"v\" o"}));
}

TEST(RuleFileTest, ReadsRecordingRulesAndTheGroupsLabels) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("a.yml", R"(
groups:
- name: g
  query_offset: 30s
  labels: {team: db, severity: info}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: web, kept: '{{ as it stands }}'}
  - alert: A
    expr: job:up:sum < 1
    labels: {severity: critical}
)"));
  const RuleGroup& group = file.groups[0];
  EXPECT_EQ(group.query_offset_ms, 30'000);
  EXPECT_TRUE(group.rules[0].record);
  EXPECT_EQ(group.rules[0].record_labels.ToString(),
            R"({kept="{{ as it stands }}",severity="info",team="web"})");
  ASSERT_EQ(group.rules[1].labels.size(), 2U);
  EXPECT_EQ(group.rules[1].labels[0].value.text(), "critical");
  EXPECT_EQ(group.rules[1].labels[1].value.text(), "db");
}

// Each: the rules of a group, and whether the last one runs on arrival.
TEST(RuleFileTest, PlacesRulesByWhatTheyRead) {
  const std::pair<std::string, bool> kCases[] = {
      {"{alert: A, expr: up == 0}", true},
      {"{alert: A, expr: 4 < (node_load1)}", true},
      {"{alert: A, expr: node_load1 > 4, annotations: {ronda_clear: node_load1 < 3}}", true},
      {"{alert: A, expr: node_load1 > 4, annotations: {ronda_clear: node_load5 < 3}}", false},
      {"{alert: A, expr: node_load1 offset 1m > 4}", false},
      {"{alert: A, expr: 'rate(x[1m]) > 4'}", false},
      {"{alert: A, expr: 1 > bool 0}", false},
      {"{record: x, expr: node_load1 > 4}", false},
      {"{record: x, expr: up}\n  - {alert: A, expr: x > 1}", false},
      {"{alert: A, expr: 'ALERTS{alertname=\"B\"} == 1'}", false},
      {"{alert: A, expr: '{__name__=~\".+\"} > 1'}", false},
      {"{alert: A, expr: up == 0, labels: {v: '{{ $value }}'}}", false},
      {"{alert: A, expr: up == 0, annotations: {s: '{{ query `up` | len }}'}}", false},
  };
  for (const auto& [rules, on_arrival] : kCases) {
    ASSERT_OK_AND_ASSIGN(RuleFile file, ParseRuleFile("a.yml", WithRule(rules)));
    std::vector<RuleFile> files = {file};
    PlaceRules(&files);
    EXPECT_EQ(files[0].groups[0].rules.back().on_arrival, on_arrival) << rules;
  }
}

TEST(RuleFileTest, SomeExpressionsAreAboutSilence) {
  const std::pair<const char*, bool> kCases[] = {
      {"up == 0", true},
      {"absent(x)", true},
      {"avg_over_time(up[5m]) < 0.5", true},
      {"x > 1 or up == 0", true},
      {"count(ALERTS) > 3", true},
      {"ronda_gap == 1", true},
      {"x > 1", false},
      {"{job=\"a\"} > 1", false},
      {"x > 1 and on (node) up == 1", false},
      {"x > 1 and on (node) (max_over_time(up[5m]) == 1)", false},
  };
  for (const auto& [expr, about] : kCases) {
    ASSERT_OK_AND_ASSIGN(const auto tree, promql::Parse(expr));
    EXPECT_EQ(IsAboutSilence(*tree), about) << expr;
  }
}

TEST(RuleFileTest, RulesOfOneNameDifferByLabels) {
  EXPECT_OK(ParseRuleFile("a.yml", WithRule("{alert: A, expr: up > 1, labels: {s: a}}\n"
                                            "  - {alert: A, expr: up > 2, labels: {s: b}}")));
}

TEST(RuleFileTest, HostileYamlIsAnErrorAndNothingWorse) {
  EXPECT_THAT(ParseRuleFile("a.yml", std::string(100'000, '[')), StatusIs(kInvalid, "a.yml"));
  EXPECT_THAT(ParseRuleFile("a.yml", std::string((4 << 20) + 1, ' ')), StatusIs(kInvalid, "bytes"));
  EXPECT_THAT(ParseRuleFile("a.yml", "groups: *nobody"), StatusIs(kInvalid, "a.yml:1"));
}

TEST(RuleFileTest, LoadsFromDisk) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir.File("r.yml"), WithRule("{alert: A, expr: up > 1}")));
  ASSERT_OK_AND_ASSIGN(const RuleFile file, LoadRuleFile(dir.File("r.yml")));
  EXPECT_EQ(file.path, dir.File("r.yml"));
  EXPECT_THAT(LoadRuleFile(dir.File("none.yml")),
              StatusIs(absl::StatusCode::kNotFound, dir.File("none.yml")));
}

}  // namespace
}  // namespace ronda::rules
