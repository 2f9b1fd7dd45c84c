#include "collector/promql/script/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/promql/script/script_runner.h"
#include "collector/promql/script/script_series.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ScriptReport RunText(std::string_view text) {
  ScriptReport report;
  RunScript("x.test", text, &report);
  return report;
}

// The one failure of a script.
std::string Failure(std::string_view text) {
  const ScriptReport report = RunText(text);
  EXPECT_EQ(report.failed, 1) << text;
  return report.failures.empty() ? "" : report.failures[0];
}

TEST(ScriptSeriesTest, PointsInAllForms) {
  ASSERT_OK_AND_ASSIGN(const ScriptSeries series,
                       ParseScriptSeries("m{a=\"b c\", d='}'} 1 -2.5e1 _ 1+2x2 5-1x1 7x1 _x2 0x1"));
  EXPECT_EQ(series.labels, Labels::Of("m", {{"a", "b c"}, {"d", "}"}}));
  using P = std::optional<double>;
  EXPECT_THAT(series.points, ElementsAre(P(1), P(-25), P(), P(1), P(3), P(5), P(5), P(4), P(7),
                                         P(7), P(), P(), P(0), P(0)));
  ASSERT_OK_AND_ASSIGN(const ScriptSeries special, ParseScriptSeries("{} stale Inf -inf NaN"));
  ASSERT_EQ(special.points.size(), 4U);
  EXPECT_TRUE(IsStale(*special.points[0]));
  EXPECT_EQ(*special.points[2], -INFINITY);
  EXPECT_TRUE(std::isnan(*special.points[3]));
  EXPECT_FALSE(IsStale(*special.points[3]));
}

TEST(ScriptSeriesTest, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"m{a=} 1", "m{a=\"b\" 1", "m{a=\"b\" c=\"d\"} 1", "m} 1", "1 2", "m{a~\"b\"} 1"}) {
    EXPECT_THAT(ParseScriptSeries(text), StatusIs(kInvalid, "bad series")) << text;
  }
  for (const std::string_view text : {"m x", "m 1+", "m 1+2", "m 1x", "m 1+2xa", "m _2", "m _x",
                                      "m 1 2y", "m --1", "m 1x99999999"}) {
    EXPECT_THAT(ParseScriptSeries(text), StatusIs(kInvalid, "bad point")) << text;
  }
}

TEST(ScriptTest, RefusesWhatIsNotInTheGrammarWithItsLine) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"\nbad", "2: unknown command \"bad\""},
      {"load", "1: expected \"load STEP\""},
      {"load x", "1: bad time \"x\""},
      {"load 0s", "1: the step of load must be greater than 0"},
      {"load 1m\n  m{ 1", "2: bad series"},
      {"load 1m\n  m q", "2: bad point \"q\""},
      {"eval instant", "1: expected \"eval instant at TIME EXPR\""},
      {"eval instant at 1x m", "1: bad time \"1x\""},
      {"eval range from 0 to 1m m", "1: expected"},
      {"eval range from 1m to 0 step 1m m", "1: the range ends before it starts"},
      {"eval instant at 0 m\n  m 1 2", "2: expected one value"},
      {"eval instant at 0 m\n  expect nothing", "2: unknown expectation"},
      {"eval instant at 0 m\n  expect fail\n  expect fail", "3: more than one failure"},
      {"eval instant at 0 m\n  expect warn\n  expect no_warn", "1: expects an annotation and none"},
      {"eval instant at 0 m\n  expect fail regex: (", "2: bad regular expression"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(ParseScript(text), StatusIs(kInvalid, std::string(message))) << text;
  }
}

TEST(ScriptTest, ABlockEndsAtABlankLineOrComment) {
  ASSERT_OK_AND_ASSIGN(const auto commands, ParseScript("load 1m\n a 1\n# so\n\n\nclear\r\n"));
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].load.series.size(), 1U);
  EXPECT_EQ(commands[1].kind, ScriptCommand::Kind::kClear);
}

TEST(ScriptRunnerTest, SaysWhatWasExpectedAndWhatCame) {
  const std::string load = "load 1m\n  m{a=\"1\"} 1 2\n  m{a=\"2\"} 3 4\n\n";
  EXPECT_EQ(Failure(load + "eval instant at 0 m{a=\"1\"}\n  m{a=\"1\"} 2"),
            "x.test:5: m{a=\"1\"}\n    expected {__name__=\"m\", a=\"1\"} 2@0s, got "
            "{__name__=\"m\", a=\"1\"} 1@0s");
  EXPECT_THAT(Failure(load + "eval instant at 0 m\n  m{a=\"1\"} 1"),
              HasSubstr("did not expect {__name__=\"m\", a=\"2\"} 3@0s"));
  EXPECT_THAT(Failure(load + "eval instant at 0 m\n  m{a=\"1\"} 1\n  m{a=\"2\"} 3\n  n 1"),
              HasSubstr("got no such series"));
  EXPECT_THAT(Failure(load + "eval instant at 0 m\n"), HasSubstr("did not expect"));
  EXPECT_THAT(Failure(load + "eval instant at 0 1\n  2"), HasSubstr("expected 2, got 1"));
  EXPECT_THAT(Failure(load + "eval instant at 0 \"a\"\n  expect string \"b\""),
              HasSubstr("expected \"b\", got \"a\""));
  EXPECT_THAT(Failure(load + "eval range from 0 to 1m step 1m sum(m)\n  {} 4 7"),
              HasSubstr("expected {} 4@0s 7@1m, got {} 4@0s 6@1m"));
  EXPECT_THAT(Failure(load + "eval range from 0 to 1m step 1m sum(m)\n  {} 4"),
              HasSubstr("expected {} 4@0s, got {} 4@0s 6@1m"));
  EXPECT_THAT(Failure(load + "eval instant at 0 sort_desc(m)\n  expect ordered\n  m{a=\"1\"} 1\n"
                             "  m{a=\"2\"} 3"),
              HasSubstr("in place 1, got it in place 2"));
  EXPECT_THAT(Failure(load + "eval instant at 0 sum(m)\n  expect fail"),
              HasSubstr("expected an error, got an answer"));
  EXPECT_THAT(Failure(load + "eval instant at 0 -m + on() m\n  {} 1"),
              HasSubstr("expected an answer, got the error \"found duplicate series"));
  EXPECT_THAT(Failure(load + "eval instant at 0 m +\n  {} 1"), HasSubstr("1:4: unexpected"));
  EXPECT_THAT(Failure(load + "eval instant at 0 quantile(2, m)\n  expect no_warn\n  {} Inf"),
              HasSubstr("expected no warning, got \"PromQL warning: quantile"));
  EXPECT_THAT(Failure(load + "eval instant at 0 sum(m)\n  expect info\n  {} 4"),
              HasSubstr("expected info any, got none"));
  EXPECT_THAT(Failure(load + "eval instant at 0 quantile(2, m)\n  expect warn msg: x\n  {} Inf"),
              HasSubstr("expected warning \"x\", got \"PromQL warning"));
  EXPECT_EQ(Failure("oops"), "x.test:1: unknown command \"oops\"");
}

TEST(ScriptRunnerTest, CountsAndSkipsWhatIsNative) {
  const ScriptReport report = RunText(
      "load 1m\n  h {{count:1}}\n  m 1\n  s@st 0s\n\n"
      "eval instant at 0 m\n  m 1\n\neval instant at 0 h\n\n"
      "eval instant at 0 sum({__name__=~\"h|m\"})\n\neval instant at 0 {{count:1}}\n");
  EXPECT_EQ(report.passed, 1);
  EXPECT_EQ(report.failed, 0);
  EXPECT_EQ(report.skipped, 3);
  EXPECT_THAT(report.skips[0], HasSubstr("x.test:9: skipped: h is a series of native"));
}

}  // namespace
}  // namespace ronda::promql
