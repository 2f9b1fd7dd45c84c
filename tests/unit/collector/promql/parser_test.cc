#include "collector/promql/parser.h"

#include <random>

#include <gtest/gtest.h>

#include "collector/promql/threshold.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParserTest, FormatsEveryFormCanonically) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"up", "up"},
      {"a:b", "a:b"},
      {"up{}", "up"},
      {"up { job = 'node' , }", "up{job=\"node\"}"},
      {"up{a!=\"1\",b=~`x.*`,c!~\"y\"}", "up{a!=\"1\",b=~\"x.*\",c!~\"y\"}"},
      {"{__name__=~\"pg_.+\"}", "{__name__=~\"pg_.+\"}"},
      {"{__name__=\"up\",job=\"a\"}", "up{job=\"a\"}"},
      {"{\"disk.free\", \"store.name\"=\"Kopi Kita\"}",
       "{\"disk.free\",\"store.name\"=\"Kopi Kita\"}"},
      {"{job=\"x\", \"up\"}", "up{job=\"x\"}"},
      {"sum", "sum"},  // a keyword is a name where no parenthesis follows
      {"offset{by=\"x\"}", "offset{by=\"x\"}"},
      {"-(-1)", "-(-1)"},
      {"up==1", "up == 1"},
      {"1h30m < up", "5400 < up"},
      {"(up > 1) > 2", "(up > 1) > 2"},
      {"x != -Inf", "x != -+Inf"},
  };
  for (const auto& [text, formatted] : kCases) {
    const auto expr = Parse(text);
    ASSERT_OK(expr) << text;
    EXPECT_EQ(Format(**expr), formatted) << text;
    const auto again = Parse(formatted);
    ASSERT_OK(again) << formatted;
    EXPECT_EQ(Format(**again), formatted);
  }
}

TEST(ParserTest, SelectorsMatch) {
  ASSERT_OK_AND_ASSIGN(const auto matchers, ParseSelector("up{job=~\"node|pg\",env!=\"test\"}"));
  EXPECT_TRUE(MatchesAll(Labels::Of("up", {{"job", "pg"}}), matchers));
  EXPECT_FALSE(MatchesAll(Labels::Of("up", {{"job", "pgx"}}), matchers));
  EXPECT_FALSE(MatchesAll(Labels::Of("up", {{"job", "pg"}, {"env", "test"}}), matchers));
}

TEST(ParserTest, ErrorsSayWhereWhatAndWhatWasExpected) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "1:1: unexpected the end of the expression, expected a selector or a number"},
      {"up{", "1:4: unexpected the end of the expression, expected a label name"},
      {"up{job", "1:7: unexpected the end of the expression, expected one of = != =~ !~"},
      {"up{job=1}", "1:8: unexpected \"1\", expected a string in quotes"},
      {"up{job==\"a\"}", "1:7: unexpected \"==\", expected one of"},
      {"up{job=\"a\" env=\"b\"}", "1:12: unexpected \"env\", expected \",\" or \"}\""},
      {"up{,}", "1:4: unexpected \",\", expected a label name"},
      {"up{a:b=\"c\"}", "1:4: \"a:b\" is not a label name"},
      {"up{\"\"=\"c\"}", "is not a label name"},
      {"up{\"\\xff\"=\"c\"}", "is not a label name"},
      {"up{a=\"\\xff\"}", "1:6: the string is not UTF-8"},
      {"up{a=~\"(\"}", "1:7: bad regular expression \"(\": missing )"},
      {"up{__name__=\"x\"}", "1:4: the metric name is given twice"},
      {"up{\"x\"}", "the metric name is given twice"},
      {"{}", "1:1: the selector would take every series"},
      {"{job=~\".*\",env!=\"x\"}", "would take every series"},
      {"up >", "1:5: unexpected the end of the expression, expected a selector or a number"},
      {"up > > 1", "1:6: unexpected \">\""},
      {"(up > 1", "1:8: unexpected the end of the expression, expected \")\""},
      {"up > 1)", "1:7: unexpected \")\""},
      {"up up", "1:4: unexpected \"up\""},
      {"up\n> 1 2", "2:5: unexpected \"2\""},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, std::string(message))) << text;
  }
}

TEST(ParserTest, NamesWhatItDoesNotSupportYet) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"rate(x[5m]) > 1", "1:1: the function rate(...) is not supported"},
      {"sum(x)", "the aggregation sum(...) is not supported"},
      {"SUM by (a) (x)", "the aggregation SUM(...) is not supported"},
      {"x[5m]", "1:2: a range or subquery [...] is"},
      {"x offset 5m", "1:3: the modifier offset is"},
      {"x @ 1", "the modifier @ is"},
      {"x + 1 > 2", "1:3: the operator + is"},
      {"x > 2 * 3", "the operator * is"},
      {"x > 1 and y > 2", "1:7: the operator and is"},
      {"x UNLESS y", "the operator UNLESS is"},
      {"x > bool 1", "1:5: the modifier bool is"},
      {"x > on(a) y", "the modifier on is"},
      {"\"text\"", "a string as an expression is"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, std::string(message))) << text;
    EXPECT_THAT(Parse(text),
                StatusIs(kInvalid, "this version takes \"selector comparison number\""));
  }
}

TEST(ParserTest, BoundsDepthAndLength) {
  EXPECT_OK(Parse(std::string(50, '(') + "1" + std::string(50, ')')));
  EXPECT_THAT(Parse(std::string(60'000, '(')), StatusIs(kInvalid, "nested deeper"));
  EXPECT_THAT(Parse(std::string(60'000, '-') + "1"), StatusIs(kInvalid, "nested deeper"));
  std::string chain = "1";
  for (int i = 0; i < 10'000; ++i) {
    chain += " > 1";
  }
  EXPECT_THAT(Parse(chain), StatusIs(kInvalid, "comparisons"));
}

TEST(ParserTest, GarbageNeverCrashesAndWhatParsesFormatsStably) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  static constexpr std::string_view kPieces[] = {
      "up", "{",        "}", "job", "=",   "!=", "=~",   "\"a\"", "'",  "`", ",",
      "(",  ")",        "-", "1",   "0x",  "1h", ">",    "<=",    "==", " ", "\n",
      "#",  "__name__", "[", "]",   "inf", "\\", "\xc3", "sum",   ":"};
  int parsed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) {
      text += kPieces[random() % std::size(kPieces)];
    }
    const auto expr = Parse(text);
    if (expr.ok()) {
      ++parsed;
      const std::string formatted = Format(**expr);
      const auto again = Parse(formatted);
      ASSERT_OK(again) << text << " -> " << formatted;
      ASSERT_EQ(Format(**again), formatted) << text;
    }
  }
  EXPECT_GT(parsed, 50);
}

TEST(ThresholdTest, TakesBothOrdersAndSignedNumbers) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"x > 4", "x > 4"},
      {"4 < x", "x > 4"},
      {"4 <= x", "x >= 4"},
      {"4 > x", "x < 4"},
      {"4 >= x", "x <= 4"},
      {"0 == x", "x == 0"},
      {"0 != x{a=\"b\"}", "x{a=\"b\"} != 0"},
      {"((x)) > (-(2))", "x > -2"},
      {"(x > 5m)", "x > 300"},
      {"x > -Inf", "x > -Inf"},
      {"x > +3", "x > 3"},
  };
  for (const auto& [text, formatted] : kCases) {
    const auto threshold = ParseThreshold(text);
    ASSERT_OK(threshold) << text;
    EXPECT_EQ(threshold->ToString(), formatted) << text;
  }
}

TEST(ThresholdTest, RefusesWhatIsNotOne) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"x", "1:1: expected \"selector comparison number\""},
      {"1 > 2", "1:5: one side of the comparison must be a selector"},
      {"x > y", "1:3: one side of the comparison must be a number"},
      {"x > 1 > 2", "1:3: one side of the comparison must be a selector"},
      {"-x > 1", "1:1: one side of the comparison must be a selector"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(ParseThreshold(text), StatusIs(kInvalid, std::string(message))) << text;
  }
}

TEST(ThresholdTest, ComparesAsPromQl) {
  const auto holds = [](std::string_view text, double value) {
    return ParseThreshold(text)->Holds(value);
  };
  EXPECT_TRUE(holds("x > 1", 2));
  EXPECT_FALSE(holds("x > 1", 1));
  EXPECT_TRUE(holds("x >= 1", 1));
  EXPECT_TRUE(holds("x < 1", 0));
  EXPECT_TRUE(holds("x <= 1", 1));
  EXPECT_TRUE(holds("x == 1", 1));
  EXPECT_TRUE(holds("x != 1", 0));
  EXPECT_FALSE(holds("x == NaN", NAN));
  EXPECT_FALSE(holds("x > 1", NAN));
  EXPECT_TRUE(holds("x != 1", NAN));
}

}  // namespace
}  // namespace ronda::promql
