#include "collector/promql/eval/series_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace ronda::promql {
namespace {

// From the specification of XXH64 and its reference program.
TEST(SeriesHashTest, IsXxHash64) {
  EXPECT_EQ(XxHash64(""), 0xef46db3751d8e999U);
  EXPECT_EQ(XxHash64("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(XxHash64("abc"), 0x44bc2cf5ad770999U);
  EXPECT_EQ(XxHash64("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1U);
}

Labels One(const std::string& name, const std::string& value) {
  return Labels(std::vector<Label>{{name, value}});
}

TEST(SeriesHashTest, TellsNamesFromValues) {
  EXPECT_EQ(SeriesHash(Labels()), XxHash64(""));
  EXPECT_EQ(SeriesHash(One("a", "bc")), XxHash64(std::string("\x01") + "a" + "\x02" + "bc"));
  EXPECT_NE(SeriesHash(One("ab", "c")), SeriesHash(One("a", "bc")));
}

}  // namespace
}  // namespace ronda::promql
