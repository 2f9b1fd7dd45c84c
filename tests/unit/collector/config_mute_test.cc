#include "collector/config_mute.h"

#include <gmock/gmock.h>

#include "collector/config.h"
#include "tests/support/status_matchers.h"

namespace ronda::collector {
namespace {

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<CollectorConfig> Parse(const std::string& text) {
  return ParseCollectorConfig(text, "/etc/ronda/collector.yml");
}

TEST(ConfigMuteTest, ReadsInhibitRulesInBothForms) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse(R"(
inhibit_rules:
  - source_matchers: [alertname = NodeDown]
    target_matchers: ['severity =~ "warning|info"']
    equal: [node]
  - source_match: {alertname: SwitchDown}
    target_match_re: {alertname: Node.*}
    equal: [rack]
)"));
  const mute::Gate::Options options = MuteOptionsOf(config);
  ASSERT_EQ(options.inhibit.size(), 2u);
  EXPECT_EQ(options.inhibit[0].target[0].ToString(), "severity=~\"warning|info\"");
  EXPECT_EQ(options.inhibit[1].source[0].ToString(), "alertname=\"SwitchDown\"");
  EXPECT_TRUE(options.inhibit[1].target[0].Matches("NodeDown"));
  EXPECT_FALSE(options.inhibit[1].target[0].Matches("a NodeDown"));
  EXPECT_EQ(options.inhibit[1].equal.at(0), "rack");
}

TEST(ConfigMuteTest, ReadsFlappingAndMaintenance) {
  ASSERT_OK_AND_ASSIGN(const CollectorConfig config, Parse(R"(
timezone: UTC
flapping: {changes: 3, window: 5m, calm: 15m}
maintenance:
  - name: weekly
    schedule: "30 2 * * sun"
    timezone: Asia/Jakarta
    duration: 90m
    announce: 15m
    matchers: [job=postgres]
    comment: vacuum
)"));
  const mute::Gate::Options options = MuteOptionsOf(config);
  EXPECT_EQ(options.flap.changes, 3);
  EXPECT_EQ(options.flap.window_ms, 300'000);
  EXPECT_EQ(options.flap.calm_ms, 900'000);
  ASSERT_EQ(options.maintenance.size(), 1u);
  EXPECT_EQ(options.maintenance[0].zone.name(), "Asia/Jakarta");
  EXPECT_EQ(options.maintenance[0].duration_ms, 5'400'000);
  ASSERT_OK_AND_ASSIGN(const CollectorConfig again, Parse(Describe(config)));
  EXPECT_EQ(Describe(again), Describe(config));
}

TEST(ConfigMuteTest, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"inhibit_rules:\n  - source_matchers: [a]\n    target_matchers: [b=c]",
       "collector.yml:2:23: inhibit_rules[0].source_matchers[0]: \"a\" is no matcher"},
      {"inhibit_rules:\n  - source_matchers: [a=b]",
       "inhibit_rules[0].target_matchers: at least one"},
      {"inhibit_rules: [{source_matchers: [a=b], target_match_re: {c: (}}]",
       "inhibit_rules[0].target_matchers: bad regular expression"},
      {"inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=~.*]}]",
       "must not match the empty value"},
      {"inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: ['']}]",
       "inhibit_rules[0].equal[0]: \"\" is not the name of a label"},
      {"inhibit_rules: [{source_matcher: [a=b]}]", "did you mean \"source_matchers\"?"},
      {"flapping: {changes: 101}", "flapping.changes: 101 is out of range"},
      {"maintenance: [{schedule: \"0 0 * * *\", matchers: [a=b]}]", "maintenance[0].name: must be"},
      {"maintenance: [{name: a, matchers: [a=b]}]", "maintenance[0].schedule: must be given"},
      {"maintenance: [{name: a, schedule: \"0 0 * * *\"}]",
       "maintenance[0].matchers: at least one"},
      {"maintenance: [{name: a, schedule: \"0 25 * * *\", matchers: [a=b]}]",
       "maintenance[0].schedule: hour: \"25\" is not one of 0 to 23"},
      {"maintenance: [{name: a, schedule: \"0 0 * * *\", matchers: [a=b], timezone: Mars}]",
       "maintenance[0].timezone: \"Mars\" is not a time zone"},
      {"maintenance: [{name: a, schedule: \"0 0 * * *\", matchers: [a=b]}, {name: a, schedule: "
       "\"0 1 * * *\", matchers: [a=b]}]",
       "maintenance[1].name: the name \"a\" is there twice"}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, what)) << text;
  }
}

}  // namespace
}  // namespace ronda::collector
