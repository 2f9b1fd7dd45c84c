#include "collector/promql/parser.h"

#include <random>

#include <gtest/gtest.h>

#include "collector/promql/threshold.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// With parentheses around each binary expression.
std::string Shape(const Expr& expr) {
  if (expr.kind == NodeKind::kBinary) {
    const auto& binary = static_cast<const BinaryExpr&>(expr);
    return "(" + Shape(*binary.left) + " " + std::string(ToString(binary.op)) + " " +
           Shape(*binary.right) + ")";
  }
  if (expr.kind == NodeKind::kUnaryMinus) {
    return "-" + Shape(*static_cast<const UnaryExpr&>(expr).operand);
  }
  return Format(expr);
}

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
      {"1h30m < up", "1h30m < up"},
      {"(up > 1) > 2", "(up > 1) > 2"},
      {"x != -Inf", "x != -Inf"},
      {"up{z=\"1\",a=\"2\"}", "up{a=\"2\",z=\"1\"}"},
      {"{__name__=~\"a.*\",__name__!=\"ab\"}", "{__name__!=\"ab\",__name__=~\"a.*\"}"},
      {"1e22 + 1e-7 + 0x1F", "10000000000000000000000 + 0.0000001 + 31"},
      {"-1 ^ 2", "-1 ^ 2"},
      {"2 ^ -x ^ 3", "2 ^ -x ^ 3"},
      {"+x", "+x"},
      {"{__name__=\"a\",__name__!=\"b\"}", "{__name__=\"a\",__name__!=\"b\"}"},
      {"a*b+c", "a * b + c"},
      {"a AND b Or c unLess d", "a and b or c unless d"},
      {"a atan2 b % c", "a atan2 b % c"},
      {"a+on(x,y)group_left(z)b", "a + on (x, y) group_left (z) b"},
      {"a/ignoring(x)group_right b", "a / ignoring (x) group_right () b"},
      {"a + ignoring() b", "a + b"},
      {"a + on() b", "a + on () b"},
      {"a >bool on(\"odd label\",) b", "a > bool on (\"odd label\") b"},
      {"rate(x[5m])", "rate(x[5m])"},
      {"x[1h30m] offset -5m @ 10", "x[1h30m] @ 10.000 offset -5m"},
      {"x @ start() offset 90d", "x @ start() offset 90d"},
      {"x[300]", "x[5m]"},
      {"avg_over_time(rate(x{a=\"b\"}[1m])[30m:10s] @ end())",
       "avg_over_time(rate(x{a=\"b\"}[1m])[30m:10s] @ end())"},
      {"max_over_time(x[1w:])", "max_over_time(x[1w:])"},
      {"sum(x)by(a,b)", "sum by (a, b) (x)"},
      {"SUM BY () (x)", "sum(x)"},
      {"sum without()(x)", "sum without () (x)"},
      {"topk(3,x)", "topk(3, x)"},
      {"count_values without (by) ('v', x)", "count_values without (by) (\"v\", x)"},
      {"label_replace(x,'a',\"$1\",`b`,'(.*)')",
       "label_replace(x, \"a\", \"$1\", \"b\", \"(.*)\")"},
      {"\"text\"", "\"text\""},
      {"time() - 1m", "time() - 1m"},
      {"avg{sum=\"x\"} + count", "avg{sum=\"x\"} + count"},
      {"start + end", "start + end"},
      {"hour()", "hour()"},
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
      {"", "1:1: unexpected the end of the expression, expected a selector, a number"},
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
      {"up >", "1:5: unexpected the end of the expression, expected a selector, a number"},
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

TEST(ParserTest, GroupsByStrengthAndSide) {
  // Each expression and its parentheses written out: both have the same tree apart from those.
  const auto bare = [](std::string_view text) {
    const auto expr = Parse(text);
    EXPECT_OK(expr) << text;
    return expr.ok() ? Shape(**expr) : "";
  };
  EXPECT_EQ(bare("a or b and c"), "(a or (b and c))");
  EXPECT_EQ(bare("a and b unless c"), "((a and b) unless c)");
  EXPECT_EQ(bare("a == b + c"), "(a == (b + c))");
  EXPECT_EQ(bare("a - b - c"), "((a - b) - c)");
  EXPECT_EQ(bare("a - b * c % d"), "(a - ((b * c) % d))");
  EXPECT_EQ(bare("a * b ^ c"), "(a * (b ^ c))");
  EXPECT_EQ(bare("a ^ b ^ c"), "(a ^ (b ^ c))");
  EXPECT_EQ(bare("-a ^ b"), "-(a ^ b)");
  EXPECT_EQ(bare("-a * b"), "(-a * b)");
  EXPECT_EQ(bare("a ^ -b * c"), "((a ^ -b) * c)");
  EXPECT_EQ(bare("-1 ^ 2"), "-(1 ^ 2)");
  EXPECT_EQ(bare("a < b < c"), "((a < b) < c)");
}

TEST(ParserTest, RefusesWhatDoesNotFitTogether) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"1 == 1", "1:3: comparisons between scalars must use the bool modifier"},
      {"a + bool b", "1:3: bool modifier can only be used on comparison operators"},
      {"a and 1", "set operator \"and\" not allowed in binary scalar expression"},
      {"a and on(x) group_left b", "no grouping allowed for \"and\" operation"},
      {"a + on(x) group_left(x) b", "label \"x\" must not occur in ON and GROUP clause at once"},
      {"a + on(x) 1", "vector matching only allowed between instant vectors"},
      {"a[5m] + 1", "1:1: binary expression must contain only scalar and instant vector types"},
      {"-a[5m]", "unary expression only allowed on expressions of type scalar or instant vector"},
      {"-\"s\"", "unary expression only allowed"},
      {"rate(a)",
       "1:6: expected type range vector in call to function \"rate\", got instant vector"},
      {"rate(1 + a[5m])", "1:10: binary expression"},
      {"abs(a, b)", "expected 1 argument(s) in call to \"abs\", got 2"},
      {"round(a, 1, 2)", "expected at most 2 argument(s) in call to \"round\", got 3"},
      {"label_join(a, \"x\")", "expected at least 3 argument(s) in call to \"label_join\", got 2"},
      {"nosuch(a)", "1:1: unknown function with name \"nosuch\""},
      {"RATE(a[5m])", "unknown function with name \"RATE\""},
      {"sum(a[5m])", "expected type instant vector in aggregation expression, got range vector"},
      {"sum(1, a)", "wrong number of arguments for aggregate expression sum, expected 1, got 2"},
      {"topk(a)", "wrong number of arguments for aggregate expression topk, expected 2, got 1"},
      {"topk(a, a)", "expected type scalar in aggregation parameter, got instant vector"},
      {"count_values(1, a)", "expected type string in aggregation parameter, got scalar"},
      {"1[5m]", "ranges only allowed for vector selectors"},
      {"a[5m][5m]", "ranges only allowed for vector selectors"},
      {"a[5m][5m:]", "subquery is only allowed on instant vector, got range vector instead"},
      {"1[5m:]", "subquery is only allowed on instant vector, got scalar instead"},
      {"a offset 5m [5m]", "no offset modifiers allowed before range"},
      {"a @ 5 [5m]", "no @ modifiers allowed before range"},
      {"a[0s]", "1:3: duration must be greater than 0"},
      {"a[5m", "1:5: unexpected the end of the expression, expected \":\" or \"]\""},
      {"a[b]", "1:3: unexpected \"b\", expected a duration"},
      {"a offset", "expected a duration such as 5m"},
      {"a offset 1m offset 1m", "offset may not be set multiple times"},
      {"(a) offset 1m", "offset modifier must be preceded by an instant vector selector"},
      {"sum(a) @ 1", "@ modifier must be preceded by an instant vector selector"},
      {"a @ 1 @ 2", "@ <timestamp> may not be set multiple times"},
      {"a @ Inf", "timestamp out of bounds for @ modifier"},
      {"a @ start", "expected \"(\""},
      {"a @ b", "expected a time in seconds, start() or end()"},
      {"sum by a (b)", "1:8: unexpected \"a\", expected \"(\""},
      {"sum by (a b) (c)", "1:11: unexpected \"b\", expected \",\" or \")\""},
      {"sum by (a:b) (c)", "unexpected \"a:b\", expected a label name"},
      {"abs(a", "expected \",\" or \")\""},
      {"a + ", "1:5: unexpected the end of the expression"},
      {"a and", "unexpected the end of the expression"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_THAT(Parse(text), StatusIs(kInvalid, std::string(message))) << text;
  }
}

TEST(ParserTest, PrettyFormBreaksLongPartsOnly) {
  ASSERT_OK_AND_ASSIGN(const ExprPtr shorter, Parse("sum(rate(x[5m]))/sum(y)"));
  EXPECT_EQ(FormatPretty(*shorter), "sum(rate(x[5m])) / sum(y)");
  ASSERT_OK_AND_ASSIGN(
      const ExprPtr longer,
      Parse("sum by (instance, job) "
            "(rate(a_very_very_long_metric_name_total_and_more{mode!=\"idle\",node=\"web1\"}[5m]))"
            " / on (instance) group_left () count by (instance) "
            "(another_metric_name{node=\"web1\"})"));
  EXPECT_EQ(
      FormatPretty(*longer),
      "  sum by (instance, job) (\n"
      "    rate(a_very_very_long_metric_name_total_and_more{mode!=\"idle\",node=\"web1\"}[5m])\n"
      "  )\n"
      "/ on (instance) group_left ()\n"
      "  count by (instance) (another_metric_name{node=\"web1\"})");
  ASSERT_OK_AND_ASSIGN(const ExprPtr again, Parse(FormatPretty(*longer)));
  EXPECT_EQ(Format(*again), Format(*longer));
}

TEST(ParserTest, BoundsDepthAndLength) {
  EXPECT_OK(Parse(std::string(50, '(') + "1" + std::string(50, ')')));
  EXPECT_THAT(Parse(std::string(60'000, '(')), StatusIs(kInvalid, "nested deeper"));
  EXPECT_THAT(Parse(std::string(60'000, '-') + "1"), StatusIs(kInvalid, "nested deeper"));
  std::string chain = "x";
  for (int i = 0; i < 10'000; ++i) {
    chain += " > 1";
  }
  EXPECT_THAT(Parse(chain), StatusIs(kInvalid, "operators"));
}

TEST(ParserTest, GarbageNeverCrashesAndWhatParsesFormatsStably) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  static constexpr std::string_view kPieces[] = {
      "up", "{",        "}",  "job",    "=",   "!=",      "=~",    "\"a\"", "'",   "`",   ",",
      "(",  ")",        "-",  "1",      "0x",  "1h",      ">",     "<=",    "==",  " ",   "\n",
      "#",  "__name__", "[",  "]",      "inf", "\\",      "\xc3",  "sum",   ":",   "+",   "^",
      "5m", "[5m]",     "by", "offset", "@",   "start()", "[1h:]", "rate(", "and", "abs("};
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
      {"1 > 2", "1:3: comparisons between scalars must use the bool modifier"},
      {"x > y", "1:3: one side of the comparison must be a number"},
      {"x > 1 > 2", "1:3: one side of the comparison must be a selector"},
      {"-x > 1", "1:1: one side of the comparison must be a selector"},
      {"x + 1", "1:3: expected \"selector comparison number\""},
      {"x > bool 1", "1:3: a condition must not have the bool modifier"},
      {"x offset 5m > 1", "1:1: a condition must not have offset and @"},
      {"rate(x[5m]) > 1", "1:1: one side of the comparison must be a selector"},
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
