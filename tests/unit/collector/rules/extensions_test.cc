#include "collector/rules/extensions.h"

#include <gmock/gmock.h>

#include "collector/rules/rule_file.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string MatchersOf(const Dependency& dependency) {
  std::string text;
  for (const Matcher& matcher : dependency.not_firing) {
    text += (text.empty() ? "" : ",") + matcher.ToString();
  }
  return text;
}

TEST(DependsOnTest, ReadsEachForm) {
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Dependency> all,
      ParseDependsOn(" node up , not SwitchDown on (rack, site),\n"
                     "not DatabaseDown {severity=\"critical\",note!=\"a, b) on (\"} on(node),"
                     "not {alertname=~\"Backup.*\"} on (), not Slow"));
  ASSERT_THAT(all, SizeIs(5));
  EXPECT_TRUE(all[0].node_up);
  EXPECT_EQ(all[0].text, "node up");
  EXPECT_EQ(MatchersOf(all[1]), R"(alertname="SwitchDown")");
  EXPECT_THAT(all[1].equal, ElementsAre("rack", "site"));
  EXPECT_FALSE(all[1].node_up);
  EXPECT_THAT(MatchersOf(all[2]), HasSubstr(R"(note!="a, b) on (")"));
  EXPECT_THAT(MatchersOf(all[2]), HasSubstr(R"(alertname="DatabaseDown")"));
  EXPECT_THAT(MatchersOf(all[2]), HasSubstr(R"(severity="critical")"));
  EXPECT_THAT(all[2].equal, ElementsAre("node"));
  EXPECT_EQ(MatchersOf(all[3]), R"(alertname=~"Backup.*")");
  EXPECT_THAT(all[3].equal, IsEmpty());
  EXPECT_THAT(all[4].equal, ElementsAre("node")) << "by default";
}

TEST(DependsOnTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "\"\" is not understood"},
      {"node down", "expected is \"node up\" or \"not ALERT on (labels)\""},
      {"nodes up", "\"nodes up\" is not understood"},
      {"not", "\"not\" is not understood"},
      {"not SwitchDown on rack", "labels in brackets"},
      {"not SwitchDown on (ra ck)", "\"ra ck\" is not the name of a label"},
      {"not SwitchDown by (rack)", "only \"on (labels)\" may follow"},
      {"not SwitchDown{", "does not say which alert"},
      {"not {severity=~\".*\"}", "does not say which alert"},
      {"not rate(x[5m])", "does not say which alert"},
      {"node up, , not A", "\"\" is not understood"},
      {"not Down{node=\"{{ $labels.node }}\"}", "means nothing here"},
      {"not Down{node=~\"(\"}", "does not say which alert"},
  };
  for (const auto& [text, expected] : kCases) {
    EXPECT_THAT(ParseDependsOn(text).status().message(), HasSubstr(expected)) << text;
  }
}

TEST(ExtensionTest, EachIsOfItsType) {
  const std::pair<const char*, const char*> kGood[] = {
      {"ronda_runbook", "https://wiki.example.com/disk#full"},
      {"ronda_runbook", "http://w/{{ $labels.alertname | urlquery }}?a b"},
      {"ronda_owner", "Team Basis Data <db@example.com>"},
      {"ronda_owner", "{{ $labels.team }}"},
      {"ronda_escalation", "night-shift.2"},
      {"ronda_remedy", "restart-unit nginx.service"},
  };
  for (const auto& [name, value] : kGood) {
    EXPECT_EQ(CheckExtension(name, value), "") << name << ": " << value;
  }
  const std::tuple<const char*, const char*, const char*> kBad[] = {
      {"ronda_runbook", "wiki/disk", "must be a link"},
      {"ronda_runbook", "https://", "must be a link"},
      {"ronda_runbook", "https://w/a b", "has a space in it"},
      {"ronda_runbook", "{{ $labels.link }}", "must be a link that begins with"},
      {"ronda_owner", "", "must be one line"},
      {"ronda_owner", "a\nb", "must be one line"},
      {"ronda_escalation", "night shift", "must be the name of an escalation policy"},
      {"ronda_escalation", "", "must be the name of an escalation policy"},
      {"ronda_escalation", "{{ $labels.team }}", "as it stands"},
      {"ronda_cleer", "x", "did you mean \"ronda_clear\"?"},
      {"ronda_depend_on", "x", "did you mean \"ronda_depends_on\"?"},
      {"ronda_something", "x", "those are ronda_clear"},
  };
  for (const auto& [name, value, expected] : kBad) {
    EXPECT_THAT(CheckExtension(name, value), HasSubstr(expected)) << name << ": " << value;
  }
}

TEST(ExtensionTest, AFileNamesThePlace) {
  const auto file = ParseRuleFile("a.yml", R"(groups:
- name: g
  rules:
  - alert: Hot
    expr: cpu > 1
    annotations:
      ronda_runbook: nowhere
      ronda_depends_on: node upp
      ronda_ownr: me
)");
  const std::string text(file.status().message());
  EXPECT_THAT(text, HasSubstr("a.yml:7:7: \"ronda_runbook\" of the rule \"Hot\" must be a link"));
  EXPECT_THAT(text, HasSubstr("a.yml:8:25: ronda_depends_on of the rule \"Hot\": \"node upp\" is "
                              "not understood"));
  EXPECT_THAT(text, HasSubstr("a.yml:9:7: \"ronda_ownr\" of the rule \"Hot\" is no annotation"));
}

TEST(ExtensionTest, ADependencyOnNoRuleIsTold) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("a.yml", R"(groups:
- name: g
  rules:
  - alert: SwitchDown
    expr: up == 0
  - alert: Hot
    expr: cpu > 1
    annotations: {ronda_depends_on: 'node up, not SwitchDown, not {alertname=~"Switch.*"}'}
  - alert: Cold
    expr: cpu < 1
    annotations: {ronda_depends_on: not SwichDown}
  - record: SwichDown
    expr: up
)"));
  EXPECT_THAT(
      IdleDependencies({file}),
      ElementsAre("a.yml:9: the rule \"Cold\" depends on \"not SwichDown\", but there is no "
                  "rule of that name"));
}

}  // namespace
}  // namespace ronda::rules
