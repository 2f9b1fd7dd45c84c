#include "collector/mute/matchers.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace ronda::mute {
namespace {

using testing::HasSubstr;

std::string Parsed(std::string_view text) {
  const auto matcher = ParseMatcher(text);
  return matcher.ok() ? matcher->ToString() : std::string(Message(matcher.status()));
}

TEST(MatchersTest, ReadsEachOperatorWithAndWithoutQuotes) {
  EXPECT_EQ(Parsed("node=web1"), R"(node="web1")");
  EXPECT_EQ(Parsed(R"(node = "web 1")"), R"(node="web 1")");
  EXPECT_EQ(Parsed("node!=web1"), R"(node!="web1")");
  EXPECT_EQ(Parsed("node=~web.*|db1"), R"(node=~"web.*|db1")");
  EXPECT_EQ(Parsed(R"(node!~"web.*")"), R"(node!~"web.*")");
  EXPECT_EQ(Parsed("path=a=b"), R"(path="a=b")");
  EXPECT_EQ(Parsed(R"(x="a\"b\\c\nd")"), R"(x="a\"b\\c\nd")");
  EXPECT_EQ(Parsed(R"(x="\d+")"), R"(x="\\d+")") << "an escape that is none stays";
  EXPECT_EQ(Parsed("x="), R"(x="")");
}

TEST(MatchersTest, NamesMayBeAnyUtf8) {
  EXPECT_EQ(Parsed("http.status=500"), R"("http.status"="500")");
  EXPECT_EQ(Parsed(R"("a=\"b\" ü" =~ c)"), R"("a=\"b\" ü"=~"c")");
  EXPECT_EQ(Parsed(Parsed("1a!=b")), R"("1a"!="b")");
}

TEST(MatchersTest, SaysWhatIsWrong) {
  EXPECT_THAT(Parsed("web1"), HasSubstr("expected LABEL=VALUE"));
  EXPECT_THAT(Parsed(R"(""=b)"), HasSubstr("not the name of a label"));
  EXPECT_THAT(Parsed("\xff=b"), HasSubstr("not the name of a label"));
  EXPECT_THAT(Parsed(R"("a=b)"), HasSubstr("closing quote is missing"));
  EXPECT_THAT(Parsed(R"("a"b=c)"), HasSubstr("more after the closing quote"));
  EXPECT_THAT(Parsed("=b"), HasSubstr("not the name of a label"));
  EXPECT_THAT(Parsed("a!b"), HasSubstr("expected LABEL=VALUE"));
  EXPECT_THAT(Parsed(R"(a="b)"), HasSubstr("closing quote is missing"));
  EXPECT_THAT(Parsed(R"(a="b"c)"), HasSubstr("more after the closing quote"));
  EXPECT_THAT(Parsed("a=~("), HasSubstr("bad regular expression"));
}

TEST(MatchersTest, RegularExpressionsMatchTheWholeValue) {
  ASSERT_OK_AND_ASSIGN(const Matcher matcher, ParseMatcher("node=~web|db"));
  EXPECT_TRUE(matcher.Matches("web"));
  EXPECT_FALSE(matcher.Matches("web1"));
  EXPECT_FALSE(matcher.Matches("a web"));
}

TEST(MatchersTest, OneOfThemMustNotMatchNothing) {
  EXPECT_THAT(ParseMatchers({}), StatusIs(absl::StatusCode::kInvalidArgument, "at least one"));
  EXPECT_THAT(ParseMatchers({"a=~.*", "b!=c"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "must not match the empty value"));
  EXPECT_OK(ParseMatchers({"a=~.*", "b=c"}));
}

}  // namespace
}  // namespace ronda::mute
