#include "common/model/matcher.h"

#include "tests/support/status_matchers.h"

namespace ronda {
namespace {

Matcher Make(Matcher::Type type, std::string value) {
  auto matcher = Matcher::New(type, "l", std::move(value));
  EXPECT_OK(matcher);
  return *matcher;
}

TEST(Matcher, EqualAndNotEqual) {
  const Matcher equal = Matcher::Equal("l", "a");
  EXPECT_TRUE(equal.Matches("a"));
  EXPECT_FALSE(equal.Matches("A"));
  EXPECT_FALSE(equal.Matches(""));
  const Matcher unequal = Make(Matcher::Type::kNotEqual, "a");
  EXPECT_FALSE(unequal.Matches("a"));
  EXPECT_TRUE(unequal.Matches(""));
}

TEST(Matcher, RegularExpressionsMatchTheWholeValue) {
  const Matcher regex = Make(Matcher::Type::kRegex, "a|b.*");
  EXPECT_TRUE(regex.Matches("a"));
  EXPECT_FALSE(regex.Matches("ab"));
  EXPECT_TRUE(regex.Matches("b\nc"));
  EXPECT_FALSE(regex.Matches(""));
  const Matcher none = Make(Matcher::Type::kNotRegex, "a|b.*");
  EXPECT_FALSE(none.Matches("bcd"));
  EXPECT_TRUE(none.Matches(""));
  const Matcher copy = none;
  EXPECT_FALSE(copy.Matches("a"));
}

TEST(Matcher, BadExpressionsAreRefused) {
  EXPECT_THAT(Matcher::New(Matcher::Type::kRegex, "l", "a("),
              StatusIs(absl::StatusCode::kInvalidArgument, "bad regular expression \"a(\""));
  EXPECT_THAT(Matcher::New(Matcher::Type::kNotRegex, "l", "(((((a{900}){900}){900}"),
              StatusIs(absl::StatusCode::kInvalidArgument, "bad regular expression"));
  EXPECT_OK(Matcher::New(Matcher::Type::kEqual, "l", "a("));
}

TEST(Matcher, PrintsItself) {
  EXPECT_EQ(Matcher::Equal("a", "x\"y").ToString(), R"(a="x\"y")");
  EXPECT_EQ(Make(Matcher::Type::kNotEqual, "v").ToString(), R"(l!="v")");
  EXPECT_EQ(Make(Matcher::Type::kRegex, "v").ToString(), R"(l=~"v")");
  EXPECT_EQ(Make(Matcher::Type::kNotRegex, "v").ToString(), R"(l!~"v")");
}

TEST(Matcher, MatchesAllNeedsEachAndTakesAbsentAsEmpty) {
  const Labels labels = Labels::Of("up", {{"job", "node"}});
  EXPECT_TRUE(MatchesAll(labels, {}));
  EXPECT_TRUE(MatchesAll(labels, {Matcher::Equal("job", "node"), Matcher::Equal("x", "")}));
  EXPECT_FALSE(MatchesAll(labels, {Matcher::Equal("job", "node"), Matcher::Equal("x", "y")}));
}

}  // namespace
}  // namespace ronda
