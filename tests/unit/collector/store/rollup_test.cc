// Roll-ups against the samples that they stand for.
#include "collector/store/rollup.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::store {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void ExpectSame(const Bucket& a, const Bucket& b) {
  const auto same = [](double x, double y) {
    EXPECT_EQ(std::bit_cast<uint64_t>(x), std::bit_cast<uint64_t>(y)) << x << " " << y;
  };
  EXPECT_EQ(a.end_ms, b.end_ms);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.first_ms, b.first_ms);
  EXPECT_EQ(a.last_ms, b.last_ms);
  EXPECT_EQ(a.stale_at_end, b.stale_at_end);
  same(a.first, b.first);
  same(a.last, b.last);
  same(a.resets, b.resets);
  same(a.sum, b.sum);
  same(a.min, b.min);
  same(a.max, b.max);
}

TEST(RollupTest, BucketsAreOpenToTheLeft) {
  const std::vector<int64_t> t = {0, 1, 59'999, 60'000, 60'001};
  const std::vector<double> v = {1, 2, 3, 4, 5};
  const std::vector<Bucket> buckets = MakeBuckets(t, v, kMinuteMs, false);
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[0].end_ms, 0);
  EXPECT_EQ(buckets[0].count, 1);
  EXPECT_EQ(buckets[1].end_ms, 60'000);
  EXPECT_EQ(buckets[1].count, 3);
  EXPECT_EQ(buckets[1].first_ms, 1);
  EXPECT_EQ(buckets[1].last_ms, 60'000);
  EXPECT_EQ(buckets[1].sum, 9);
  EXPECT_EQ(buckets[1].min, 2);
  EXPECT_EQ(buckets[1].max, 4);
  EXPECT_EQ(buckets[2].end_ms, 120'000);
  EXPECT_EQ(
      MakeBuckets(std::vector<int64_t>{-1}, std::vector<double>{7}, kMinuteMs, false)[0].end_ms, 0);
}

TEST(RollupTest, MarkersAndNaNs) {
  const std::vector<int64_t> t = {1'000, 2'000, 3'000, 61'000};
  const std::vector<double> v = {kNaN, 5, StaleMarker(), StaleMarker()};
  const std::vector<Bucket> buckets = MakeBuckets(t, v, kMinuteMs, false);
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_EQ(buckets[0].count, 2);
  EXPECT_TRUE(buckets[0].stale_at_end);
  EXPECT_TRUE(std::isnan(buckets[0].sum));
  EXPECT_EQ(buckets[0].min, 5);
  EXPECT_EQ(buckets[0].max, 5);
  EXPECT_EQ(buckets[1].count, 0);
  EXPECT_TRUE(buckets[1].stale_at_end);
}

TEST(RollupTest, TheIncreaseOfACounterComesFromItsBuckets) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> t;
    std::vector<double> v;
    double value = 0;
    double resets = 0;  // as PromQL sums them
    for (int i = 1; i < 600; ++i) {
      if (random() % 4 == 0) {
        continue;
      }
      const double next = random() % 50 == 0 ? 0 : value + static_cast<double>(random() % 100);
      resets += !v.empty() && next < v.back() ? v.back() : 0;
      value = next;
      t.push_back(i * 1000);
      v.push_back(value);
    }
    const std::vector<Bucket> buckets = MakeBuckets(t, v, kMinuteMs, true);
    double from_buckets = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
      from_buckets += buckets[i].resets;
      from_buckets += i > 0 && buckets[i].first < buckets[i - 1].last ? buckets[i - 1].last : 0;
    }
    EXPECT_EQ(buckets.back().last - buckets.front().first + from_buckets,
              v.back() - v.front() + resets);
  }
}

TEST(RollupTest, SumsMinimaMaximaAndCountsAgreeWithTheSamples) {
  std::mt19937_64 random(4);
  std::vector<int64_t> t;
  std::vector<double> v;
  for (int i = 1; i <= 7'200; ++i) {
    t.push_back(i * 1000);
    v.push_back(static_cast<double>(random() % 1000) / 8);
  }
  for (const int64_t resolution : {kMinuteMs, kHourMs}) {
    for (const Bucket& b : MakeBuckets(t, v, resolution, false)) {
      double sum = 0;
      double max = -1;
      int64_t count = 0;
      for (size_t i = 0; i < t.size(); ++i) {
        if (t[i] > b.end_ms - resolution && t[i] <= b.end_ms) {
          sum += v[i];
          max = std::max(max, v[i]);
          ++count;
        }
      }
      EXPECT_EQ(b.sum, sum);
      EXPECT_EQ(b.max, max);
      EXPECT_EQ(b.count, count);
    }
  }
}

TEST(RollupTest, ChunksGiveEveryBucketBack) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 500; ++round) {
    std::vector<int64_t> ends;
    for (int64_t i = 1; i <= 120; ++i) {
      ends.push_back(i * kMinuteMs);
    }
    std::vector<int64_t> t;
    std::vector<double> v;
    const uint64_t style = random() % 5;
    for (int64_t second = 1; second <= 7'200; ++second) {
      if (random() % (1 + style * 40) != 0) {
        continue;
      }
      t.push_back(second * 1000);
      switch (style) {
        case 0:
          v.push_back(7.25);
          break;
        case 1:
          v.push_back(random() % 3 == 0 ? StaleMarker() : static_cast<double>(random() % 9));
          break;
        case 2:
          v.push_back(std::bit_cast<double>(random()));
          break;
        default:
          v.push_back(static_cast<double>(second));
      }
    }
    const bool counter = random() % 2 == 0;
    const std::vector<Bucket> buckets = MakeBuckets(t, v, kMinuteMs, counter);
    const std::string body = EncodeRollup(buckets, ends, kMinuteMs, counter);
    ASSERT_OK_AND_ASSIGN(const std::vector<Bucket> got, DecodeRollup(body, ends));
    ASSERT_EQ(got.size(), buckets.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ExpectSame(got[i], buckets[i]);
    }
    if (style == 0) {
      EXPECT_LT(body.size(), 60u);
    }
    for (size_t cut = 0; cut < body.size(); cut += 1 + body.size() / 50) {
      (void)DecodeRollup(body.substr(0, cut), ends);
    }
    EXPECT_FALSE(DecodeRollup(body.substr(0, body.size() - 1), ends).ok());
  }
}

}  // namespace
}  // namespace ronda::store
