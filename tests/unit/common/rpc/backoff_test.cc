#include "common/rpc/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

namespace ronda::rpc {
namespace {

TEST(Backoff, EachWaitLiesInTheUpperHalfOfADoublingCeiling) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Backoff backoff(100, 5000, seed);
    for (int64_t ceiling : {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}) {
      const int64_t wait = backoff.NextMs();
      EXPECT_GE(wait, ceiling / 2) << "seed " << seed;
      EXPECT_LE(wait, ceiling) << "seed " << seed;
    }
  }
}

TEST(Backoff, ResetStartsAnew) {
  Backoff backoff(100, 60'000, 7);
  for (int i = 0; i < 20; ++i) {
    backoff.NextMs();
  }
  backoff.Reset();
  EXPECT_LE(backoff.NextMs(), 100);
}

TEST(Backoff, SeedsSpreadTheWaits) {
  std::set<int64_t> waits;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    waits.insert(Backoff(10'000, 10'000, seed).NextMs());
  }
  EXPECT_GT(waits.size(), 850U);  // of 5001 values, 1000 draws: about 906 are expected
  EXPECT_LT(*waits.begin(), 5100);
  EXPECT_GT(*waits.rbegin(), 9900);
}

TEST(Backoff, EqualSeedsGiveEqualWaits) {
  Backoff a(100, 5000, 42);
  Backoff b(100, 5000, 42);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(a.NextMs(), b.NextMs());
  }
}

TEST(Backoff, BoundsThatMakeNoSenseArePutRight) {
  Backoff zero(0, -5, 1);
  EXPECT_EQ(zero.NextMs(), 1);
  Backoff huge(INT64_MAX / 2 + 1, INT64_MAX, 1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_GT(huge.NextMs(), INT64_MAX / 8);
  }
}

}  // namespace
}  // namespace ronda::rpc
