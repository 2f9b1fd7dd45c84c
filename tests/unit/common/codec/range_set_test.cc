#include "common/codec/range_set.h"

#include <random>
#include <set>
#include <vector>

#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"

namespace ronda::codec {
namespace {

using Ranges = std::vector<SeqRange>;

std::string Numbers(const std::vector<uint64_t>& numbers) {
  std::string out;
  for (const uint64_t n : numbers) {
    PutVarint(&out, n);
  }
  return out;
}

TEST(RangeSet, MergesWhatOverlapsOrTouches) {
  RangeSet set;
  EXPECT_TRUE(set.AddRange({10, 20}));
  EXPECT_TRUE(set.AddRange({30, 40}));
  EXPECT_FALSE(set.AddRange({12, 20}));
  EXPECT_TRUE(set.Add(21));
  EXPECT_TRUE(set.Add(29));
  EXPECT_EQ(set.ranges(), (Ranges{{10, 21}, {29, 40}}));
  EXPECT_TRUE(set.AddRange({5, 35}));
  EXPECT_EQ(set.ranges(), (Ranges{{5, 40}}));
  EXPECT_EQ(set.count(), 36U);
  EXPECT_FALSE(set.AddRange({7, 6}));
}

TEST(RangeSet, WorksAtBothEnds) {
  RangeSet set;
  EXPECT_TRUE(set.Add(UINT64_MAX));
  EXPECT_TRUE(set.Add(0));
  EXPECT_TRUE(set.Add(UINT64_MAX - 1));
  EXPECT_EQ(set.ranges(), (Ranges{{0, 0}, {UINT64_MAX - 1, UINT64_MAX}}));
  ASSERT_OK_AND_ASSIGN(const RangeSet decoded, RangeSet::Decode(set.Encode()));
  EXPECT_EQ(decoded, set);
  EXPECT_TRUE(set.AddRange({0, UINT64_MAX}));
  EXPECT_EQ(set.ranges(), (Ranges{{0, UINT64_MAX}}));
  EXPECT_TRUE(set.Contains(UINT64_MAX));
  EXPECT_FALSE(set.Add(77));
}

TEST(RangeSet, AgreesWithASetOfNumbers) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    RangeSet set;
    std::set<uint64_t> naive;
    for (int i = 0; i < 60; ++i) {
      const uint64_t first = random() % 200;
      const uint64_t last = first + random() % 5;
      bool fresh = false;
      for (uint64_t seq = first; seq <= last; ++seq) {
        fresh |= naive.insert(seq).second;
      }
      ASSERT_EQ(set.AddRange({first, last}), fresh);
      ASSERT_EQ(set.count(), naive.size());
    }
    for (uint64_t seq = 0; seq < 210; ++seq) {
      ASSERT_EQ(set.Contains(seq), naive.count(seq) == 1);
    }
    for (size_t i = 1; i < set.ranges().size(); ++i) {
      ASSERT_GT(set.ranges()[i].first, set.ranges()[i - 1].last + 1);
    }
    ASSERT_OK_AND_ASSIGN(const RangeSet decoded, RangeSet::Decode(set.Encode()));
    ASSERT_EQ(decoded, set);
  }
}

TEST(RangeSet, RefusesWhatIsNotExactlyOneSet) {
  for (const std::string& bytes :
       {std::string(), Numbers({1}), Numbers({1, 5}), Numbers({0, 0}), Numbers({1, 5, 1, 0}),
        Numbers({UINT64_MAX, 1, 1}), Numbers({1, UINT64_MAX, 1}),
        Numbers({2, 5, UINT64_MAX - 5, 0, 0}), Numbers({2, 5, UINT64_MAX - 6, 0, 0})}) {
    EXPECT_THAT(RangeSet::Decode(bytes), StatusIs(absl::StatusCode::kDataLoss, "range set"));
  }
  EXPECT_OK(RangeSet::Decode(Numbers({0})));
}

}  // namespace
}  // namespace ronda::codec
