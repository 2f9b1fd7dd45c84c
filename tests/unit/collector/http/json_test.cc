#include "collector/http/json.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "common/model/sample.h"

namespace ronda::http {
namespace {

std::string Number(double value, bool exponents) {
  std::string out;
  AppendNumber(value, exponents, &out);
  return out;
}

std::string Text(std::string_view text) {
  std::string out;
  AppendText(text, &out);
  return out;
}

TEST(JsonTest, NumbersAreThoseOfPrometheus) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.000001, "0.000001"},
      {123456789012345678.0, "123456789012345680"},
      {1e20, "100000000000000000000"},
      {1.5e20, "150000000000000000000"},
      {12345678901234567890.0, "12345678901234567000"},
      {1.0 / 3, "0.3333333333333333"},
      {2251799813685249.5, "2251799813685249.5"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {StaleMarker(), "NaN"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(Number(value, true), text);
    EXPECT_EQ(Number(value, false), text);
  }
}

TEST(JsonTest, ExponentsAreForSamplesAlone) {
  EXPECT_EQ(Number(1e-7, true), "1e-07");
  EXPECT_EQ(Number(1e-7, false), "0.0000001");
  EXPECT_EQ(Number(-2.5e21, true), "-2.5e+21");
  EXPECT_EQ(Number(-2.5e21, false), "-2500000000000000000000");
  EXPECT_EQ(Number(5e-324, true), "5e-324");
  EXPECT_EQ(Number(1.7976931348623157e308, true), "1.7976931348623157e+308");
  EXPECT_EQ(Number(1.25e300, false).size(), 301u);
}

TEST(JsonTest, EveryNumberReadsBackToTheBit) {
  std::mt19937_64 random(17);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    for (const bool exponents : {false, true}) {
      const std::string text = Number(value, exponents);
      double back = 0;
      std::from_chars(text.data(), text.data() + text.size(), back);
      ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value)) << text;
    }
  }
}

TEST(JsonTest, Times) {
  std::string out;
  AppendTime(1'435'781'451'000, &out);
  out += ' ';
  AppendTime(1'435'781'451'010, &out);
  out += ' ';
  AppendTime(-1'500, &out);
  out += ' ';
  AppendPoint(1'435'781'451'781, 1, true, &out);
  EXPECT_EQ(out, "1435781451 1435781451.010 -1.500 [1435781451.781,\"1\"]");
  EXPECT_EQ(TimeText(1'435'781'451'010), "2015-07-01T20:10:51.01Z");
}

TEST(JsonTest, TextIsEscapedAndAlwaysUtf8) {
  EXPECT_EQ(Text("a\"b\\c\n\t\x01"), R"("a\"b\\c\n\t\u0001")");
  EXPECT_EQ(Text("Köln €𝄞"), "\"Köln €𝄞\"");
  // Overlong, surrogate, cut off, beyond the last code point.
  EXPECT_EQ(Text("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(Text("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(Text("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(Text("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonTest, Labels) {
  std::string out;
  AppendLabels(Labels::Of("up", {{"job", "a\"b"}}), &out);
  EXPECT_EQ(out, R"({"__name__":"up","job":"a\"b"})");
}

}  // namespace
}  // namespace ronda::http
