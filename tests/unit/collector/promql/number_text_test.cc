#include "collector/promql/number_text.h"

#include <cmath>

#include <gtest/gtest.h>

namespace ronda::promql {
namespace {

TEST(NumberTextTest, DurationsReadBack) {
  for (const int64_t ms : {int64_t{0}, int64_t{1}, int64_t{1000}, int64_t{90'000},
                           int64_t{5'400'000}, int64_t{86'400'001}, int64_t{33'019'506'007}}) {
    EXPECT_EQ(ParseDurationMs(FormatDurationMs(ms)), ms);
  }
  EXPECT_EQ(FormatDurationMs(5'400'000), "1h30m");
  EXPECT_EQ(FormatDurationMs(-250), "-250ms");
  EXPECT_EQ(ParseDurationMs("0"), 0);
  for (const std::string_view bad : {"", "1", "s", "1m1h", "-1s", "1.5h", "1 s", "+1s"}) {
    EXPECT_FALSE(ParseDurationMs(bad).has_value()) << bad;
  }
}

TEST(NumberTextTest, NumbersReadBack) {
  for (const double value : {0.0, 0.1, 80.0, 1e21, 1e-7, 1.0 / 3, 123456789.123}) {
    EXPECT_EQ(ParseNumber(FormatNumber(value)), value);
  }
  EXPECT_EQ(FormatNumber(INFINITY), "+Inf");
  EXPECT_EQ(FormatNumber(-INFINITY), "-Inf");
  EXPECT_EQ(FormatNumber(NAN), "NaN");
  for (const std::string_view bad : {"", "inf", "nan", "+1", "-1", "_1", "1_", "1__1"}) {
    EXPECT_FALSE(ParseNumber(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace ronda::promql
