#include "collector/template/printf.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ronda::tmpl {
namespace {

template <typename... T>
std::string Of(std::string_view format, T... values) {
  const std::vector<Value> arguments = {Value(values)...};
  return Printf(format, arguments);
}

TEST(PrintfTest, Numbers) {
  EXPECT_EQ(Of("%.2f|%5.1f|%-7.1f|%+.0e|%%", 1.005, -2.25, 3.0, 12345.0),
            "1.00| -2.2|3.0    |+1e+04|%");
  EXPECT_EQ(
      Of("%05.1f|% d|%+d|%x|%#X|%o|%b|%3d|%-3d|%03d", -2.25, int64_t{3}, int64_t{4}, int64_t{255},
         int64_t{255}, int64_t{8}, int64_t{5}, int64_t{7}, int64_t{7}, int64_t{-7}),
      "-02.2| 3|+4|ff|0XFF|10|101|  7|7  |-07");
  EXPECT_EQ(Of("%v %g %.3g %G %e", 1e21, 0.1, 1234.5678, 1e-7, 1.5),
            "1e+21 0.1 1.23e+03 1E-07 1.500000e+00");
  EXPECT_EQ(Of("%v %f %06.1f %.2f", NAN, INFINITY, -INFINITY, NAN), "NaN +Inf   -Inf NaN");
  EXPECT_EQ(Of("%*d|%.*f", int64_t{5}, int64_t{42}, int64_t{1}, 2.25), "   42|2.2");
  EXPECT_EQ(Of("%c%c %q %U", int64_t{65}, int64_t{0xe9}, int64_t{65}, int64_t{0x1F600}),
            "Aé 'A' U+1F600");
}

TEST(PrintfTest, TextsAndOthers) {
  EXPECT_EQ(Of("%s|%5s|%-5s|%.2s|%q|%x|%v", std::string("é"), std::string("é"), std::string("ab"),
               std::string("éab"), std::string("a\"\n"), std::string("az"), std::string("v")),
            "é|    é|ab   |éa|\"a\\\"\\n\"|617a|v");
  EXPECT_EQ(Of("%t %v %v", true, false, Value()), "true false <nil>");
}

TEST(PrintfTest, SaysWhatDoesNotFit) {
  EXPECT_EQ(Of("%d %s", 1.5, int64_t{2}), "%!d(float64=1.5) %!s(int=2)");
  EXPECT_EQ(Of("%f"), "%!f(MISSING)");
  EXPECT_EQ(Of("%d", int64_t{1}, std::string("x")), "1%!(EXTRA string=x)");
  EXPECT_EQ(Of("%y %", int64_t{1}), "%!y(int=1) %!(NOVERB)");
  EXPECT_EQ(Of("%99999999d", int64_t{1}).size(), 10'000U);
}

}  // namespace
}  // namespace ronda::tmpl
