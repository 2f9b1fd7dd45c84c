#include "collector/http/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace ronda::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(FormTest, ReadsPairsInOrder) {
  std::vector<std::pair<std::string, std::string>> out;
  ASSERT_OK(ParseForm("match[]=up&match%5B%5D=a%7Bb%3D%22c+d%22%7D&&empty=&bare&x=1=2", &out));
  EXPECT_THAT(out, ElementsAre(Pair("match[]", "up"), Pair("match[]", "a{b=\"c d\"}"),
                               Pair("empty", ""), Pair("bare", ""), Pair("x", "1=2")));
}

TEST(FormTest, RefusesBadEscapes) {
  for (const char* text : {"a=%", "a=%2", "a=%zz", "%g0=1"}) {
    std::vector<std::pair<std::string, std::string>> out;
    EXPECT_THAT(ParseForm(text, &out), StatusIs(kInvalid, "invalid URL escape")) << text;
    EXPECT_THAT(out, IsEmpty());
  }
}

TEST(FormTest, BoundsTheNumberOfPairs) {
  std::string text;
  for (size_t i = 0; i <= kMaxParams; ++i) {
    text += "a=b&";
  }
  std::vector<std::pair<std::string, std::string>> out;
  EXPECT_THAT(ParseForm(text, &out), StatusIs(kInvalid, "more than 1000 parameters"));
}

TEST(FormTest, APlusIsASpaceInFormsAlone) {
  EXPECT_EQ(*PercentDecode("a+b%2Bc", true), "a b+c");
  EXPECT_EQ(*PercentDecode("a+b%2Bc", false), "a+b+c");
}

}  // namespace
}  // namespace ronda::http
