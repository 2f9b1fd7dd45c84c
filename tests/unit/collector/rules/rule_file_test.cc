#include "collector/rules/rule_file.h"

#include <gtest/gtest.h>

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
  EXPECT_EQ(rule.condition.ToString(), "cpu{core=~\"0|1\"} > 80");
  EXPECT_EQ(rule.for_ms, 300'000);
  EXPECT_EQ(rule.keep_firing_for_ms, 5'400'000);
  ASSERT_EQ(rule.labels.size(), 2U);
  EXPECT_EQ(rule.labels[0].name, "level");
  EXPECT_EQ(rule.labels[0].value.text(), "3");
  ASSERT_TRUE(rule.clear.has_value());
  EXPECT_EQ(rule.clear->number, 72);
  EXPECT_FALSE(group.rules[1].clear.has_value());
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
      {"groups:\n- name: g\n  query_offset: 1m\n", "not supported in this version"},
      {"groups:\n- name: g\n- name: g\n", "a.yml:3:9: the group \"g\" is there twice"},
      {"groups:\n- name: g\n  name: h\n", "a.yml:3:3: the key \"name\" is there already"},
      {"groups:\n- name: g\n  rules: {}\n", "\"rules\" must be a list"},
      {WithRule("record: a:b\n    expr: up > 1"), "a.yml:4:13: recording rules"},
      {WithRule("expr: up > 1"), "a.yml:4:5: the rule has no \"alert\""},
      {WithRule("alert: A"), "the rule \"A\" has no \"expr\""},
      {WithRule("alert: A\n    exp: up > 1"),
       "a.yml:5:5: unknown key \"exp\" in a rule, did you mean"},
      {WithRule("alert: A\n    expr: rate(x[5m]) > 1"),
       "a.yml:5:11: expr of the rule \"A\": 1:1: one side of the comparison must be a selector"},
      {WithRule("alert: A\n    expr: [up]"), "\"expr\" in the rule \"A\" must be a text"},
      {WithRule("alert: A\n    expr: up > 1\n    for: 5"),
       "a.yml:6:10: \"for\" must be a duration"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: [a]"),
       "\"labels\" of the rule \"A\" must be a map"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a-b: c}"),
       "\"a-b\" in labels of the rule \"A\" is not a name"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a: b, a: c}"),
       "the key \"a\" is there already"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {alertname: c}"),
       "\"alertname\" of the rule \"A\" is reserved"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {__name__: c}"), "is reserved"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a: [c]}"), "must be a text"},
      {WithRule("alert: A\n    expr: up > 1\n    labels: {a: '{{ $value }}'}"), "uses $value"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {a: '{{ $value | roundUp }}'}"),
       "a.yml:6:22: \"a\" in annotations of the rule \"A\": line 1: function \"roundUp\" not "
       "defined"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {a: '{{ query `up` | first }}'}"),
       "a.yml:6:22: \"a\" in annotations of the rule \"A\" uses query()"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {ronda_clear: up}"),
       "ronda_clear of the rule \"A\": 1:1: expected"},
      {WithRule("alert: A\n    expr: up > 1\n    annotations: {ronda_clear: x < 1}"),
       "ronda_clear of the rule \"A\" must be about the selector of its expr, up"},
      {WithRule("{alert: A, expr: up > 1}\n  - {alert: A, expr: up > 2}"),
       "a.yml:5:5: the group \"g\" has the rule \"A\""},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(ParseRuleFile("a.yml", text), StatusIs(kInvalid, message)) << text;
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
