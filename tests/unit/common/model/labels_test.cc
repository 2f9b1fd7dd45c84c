#include "common/model/labels.h"

#include <gtest/gtest.h>

#include "absl/hash/hash.h"

namespace ronda {
namespace {

using Pairs = std::vector<Label>;

TEST(Labels, SortsKeepsTheLastAndDropsTheEmpty) {
  const Labels labels(Pairs{{"b", "1"}, {"a", "2"}, {"c", "x"}, {"b", "3"}, {"c", ""}});
  EXPECT_EQ(labels.all(), (Pairs{{"a", "2"}, {"b", "3"}}));
  EXPECT_EQ(labels, Labels(Pairs{{"b", "3"}, {"a", "2"}}));
  EXPECT_EQ(absl::HashOf(labels), absl::HashOf(Labels(Pairs{{"b", "3"}, {"a", "2"}})));
  EXPECT_TRUE(Labels(Pairs{{"a", ""}}).empty());
}

TEST(Labels, GetSetAndRemove) {
  Labels labels = Labels::Of("up", {{"job", "node"}});
  EXPECT_EQ(labels.Get(kMetricName), "up");
  EXPECT_EQ(labels.Get("absent"), "");
  labels.Set("instance", "a");
  labels.Set("zone", "z");
  labels.Set("job", "postgres");
  EXPECT_EQ(labels.ToString(), R"(up{instance="a",job="postgres",zone="z"})");
  labels.Set("instance", "");
  labels.Set("absent", "");
  EXPECT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels.Get("instance"), "");
}

TEST(Labels, OrderIsByNamesThenValues) {
  EXPECT_LT(Labels(Pairs{{"a", "1"}}), Labels(Pairs{{"a", "2"}}));
  EXPECT_LT(Labels(Pairs{{"a", "2"}}), Labels(Pairs{{"b", "1"}}));
  EXPECT_LT(Labels(), Labels(Pairs{{"a", "1"}}));
}

TEST(Labels, PrintsAsPrometheusDoes) {
  EXPECT_EQ(Labels().ToString(), "{}");
  EXPECT_EQ(Labels::Of("up").ToString(), "up");
  EXPECT_EQ(Labels::Of("a.b").ToString(), R"({"a.b"})");
  EXPECT_EQ(Labels::Of("a\"b", {{"c d", "e"}, {"f", "g"}}).ToString(),
            R"({"a\"b","c d"="e",f="g"})");
  EXPECT_EQ(Labels(Pairs{{"path", "C:\\x \"y\"\nz"}}).ToString(), R"({path="C:\\x \"y\"\nz"})");
}

TEST(Labels, Names) {
  for (const char* name : {"a", "_", "A9_z", "__name__"}) {
    EXPECT_TRUE(IsLabelName(name)) << name;
    EXPECT_TRUE(IsMetricName(name)) << name;
  }
  for (const char* name : {"", "9a", "a-b", "a b", "\xc3\xa4"}) {
    EXPECT_FALSE(IsLabelName(name)) << name;
    EXPECT_FALSE(IsMetricName(name)) << name;
  }
  EXPECT_FALSE(IsLabelName("job:rate"));
  EXPECT_TRUE(IsMetricName("job:rate"));
}

}  // namespace
}  // namespace ronda
