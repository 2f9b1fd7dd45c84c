#include "agent/samplers/host/recent_count.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace ronda::agent {
namespace {

TEST(RecentCountTest, WhatHappenedBeforeIsNotOfLate) {
  RecentCount count(1000);
  EXPECT_EQ(count.Observe(0, 7), 0u);
  EXPECT_EQ(count.Observe(500, 7), 0u);
}

TEST(RecentCountTest, ForgetsWhatLeavesTheWindow) {
  RecentCount count(1000);
  count.Observe(0, 7);
  EXPECT_EQ(count.Observe(100, 9), 2u);
  EXPECT_EQ(count.Observe(600, 10), 3u);
  EXPECT_EQ(count.Observe(1099, 10), 3u);
  EXPECT_EQ(count.Observe(1100, 10), 1u);
  EXPECT_EQ(count.Observe(1600, 10), 0u);
}

TEST(RecentCountTest, ACounterThatFallsStartsAnew) {
  RecentCount count(1000);
  count.Observe(0, 7);
  EXPECT_EQ(count.Observe(100, 2), 0u);
  EXPECT_EQ(count.Observe(200, 3), 1u);
}

TEST(RecentCountTest, MoreStepsThanItKeepsAreNeverTooFew) {
  RecentCount count(100'000);
  count.Observe(0, 0);
  uint64_t recent = 0;
  for (int i = 1; i <= 500; ++i) {
    recent = count.Observe(i * 10, static_cast<uint64_t>(i));
  }
  EXPECT_EQ(recent, 500u);
}

TEST(RecentCountTest, AgreesWithASum) {
  std::srand(20261120);
  RecentCount count(1000);
  std::map<int64_t, uint64_t> rises;
  uint64_t total = 5;
  count.Observe(0, total);
  for (int64_t t = 50; t < 100'000; t += 50) {
    const auto by = static_cast<uint64_t>(std::rand() % 3);
    total += by;
    rises[t] = by;
    uint64_t expected = 0;
    for (auto it = rises.upper_bound(t - 1000); it != rises.end(); ++it) {
      expected += it->second;
    }
    ASSERT_EQ(count.Observe(t, total), expected) << t;
  }
}

}  // namespace
}  // namespace ronda::agent
