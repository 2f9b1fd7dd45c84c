// Buckets through the store, and what stands for samples that are gone.
#include "collector/store/long_history.h"

#include <bit>
#include <map>
#include <vector>

#include "common/model/sample.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

constexpr int64_t kDayMs = 86'400'000;

class LongHistoryTest : public StoreTest {
 protected:
  // An hour of samples at midnight, in level 1; then so much later that they are removed.
  void FillAndForget(int64_t later_ms) {
    options_.retention_raw_ms = 2 * kDayMs;
    options_.retention_minute_ms = 60 * kDayMs;
    options_.retention_hour_ms = 800 * kDayMs;
    Open();
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, 1, 3'600);
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(4'000'000);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
    clock_.Advance(later_ms);
    ASSERT_OK(store_->CompactNow());
  }
  const std::vector<Matcher> m1_ = {Matcher::Equal("__name__", "m1")};
};

TEST_F(LongHistoryTest, BucketsCoverWhatIsInLevelOne) {
  options_.seal_after_ms = 1'000'000;
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 1, 7'200);
  ASSERT_OK(store_->Flush(5000));
  ASSERT_OK_AND_ASSIGN(TimeRange cover,
                       store_->BucketsCover(m1_, Resolution::kMinute, kT0, kT0 + 8'000'000));
  EXPECT_EQ(cover, (TimeRange{kT0, kT0}));
  clock_.Advance(8'000'000);
  ASSERT_OK(store_->SealNow());
  ASSERT_OK(store_->CompactNow());
  ASSERT_OK_AND_ASSIGN(cover, store_->BucketsCover(m1_, Resolution::kMinute, kT0, kT0 + 7'200'000));
  EXPECT_EQ(cover, (TimeRange{kT0, kT0 + 7'200'000}));
  // A late sample in between ends it there, for series of its source.
  ++epoch_.id;
  next_seq_ = 1;
  FrameMaker late(1, {"host", "node", ""});
  late.StartRun(schema_);
  AppendValues(&late, 3'000, {1, 2, 3});
  ASSERT_OK_AND_ASSIGN(cover, store_->BucketsCover(m1_, Resolution::kMinute, kT0, kT0 + 7'200'000));
  EXPECT_EQ(cover, (TimeRange{kT0, kT0 + 2'940'000}));
  ASSERT_OK_AND_ASSIGN(cover, store_->BucketsCover({Matcher::Equal("node", "another")},
                                                   Resolution::kHour, kT0, kT0 + 7'200'000));
  EXPECT_EQ(cover, (TimeRange{kT0, kT0 + 7'200'000}));
  int buckets = 0;
  ASSERT_OK(store_->SelectBuckets(m1_, Resolution::kHour, kT0 + 1, kT0 + 3'600'000,
                                  [&](const BucketsView& view) {
                                    EXPECT_EQ(view.metric.name, "m1");
                                    EXPECT_EQ(view.buckets.size(), 1u);
                                    EXPECT_EQ(view.buckets[0].count, 3'600);
                                    EXPECT_EQ(view.buckets[0].first, 11);
                                    EXPECT_EQ(view.buckets[0].last, 36'001);
                                    EXPECT_EQ(view.buckets[0].max, 36'001);
                                    ++buckets;
                                    return true;
                                  }));
  EXPECT_EQ(buckets, 1);
  EXPECT_FALSE(
      store_->SelectBuckets({}, Resolution::kHour, 0, 1, [](const auto&) { return true; }).ok());
}

TEST_F(LongHistoryTest, TheLastOfEachMinuteStandsForSamplesThatAreGone) {
  FillAndForget(3 * kDayMs);
  EXPECT_TRUE(SelectOne("m1").empty());
  const LongHistory history(*store_, 0);
  Samples got;
  ASSERT_OK(history.Select(m1_, kT0 + 1, kT0 + 600'000, [&](const SeriesView& view) {
    for (size_t i = 0; i < view.t_ms.size(); ++i) {
      got.emplace_back(view.t_ms[i], view.values[i]);
    }
    return true;
  }));
  ASSERT_EQ(got.size(), 10u);
  EXPECT_EQ(got[0], (std::pair<int64_t, double>{kT0 + 60'000, 601}));
  EXPECT_EQ(got[9], (std::pair<int64_t, double>{kT0 + 600'000, 6'001}));
  EXPECT_EQ(history.thinned().resolution_ms, kMinuteMs);
  EXPECT_EQ(history.thinned().range.to_ms, kT0 + 600'000);
  ASSERT_OK_AND_ASSIGN(const std::vector<Labels> series, store_->Series(m1_, kT0, kT0 + 600'000));
  EXPECT_EQ(series.size(), 1u);
  // Who needs only the newest sees it too.
  std::pair<int64_t, double> newest;
  ASSERT_OK(history.SelectNewest(m1_, kT0 + 1, kT0 + 600'000, [&](const SeriesView& view) {
    newest = {view.t_ms.back(), view.values.back()};
    return true;
  }));
  EXPECT_EQ(newest, got[9]);
}

TEST_F(LongHistoryTest, ThenTheLastOfEachHour) {
  FillAndForget(100 * kDayMs);
  const LongHistory history(*store_, 0);
  Samples got;
  ASSERT_OK(history.Select(m1_, kT0 + 1, kT0 + kDayMs, [&](const SeriesView& view) {
    got.emplace_back(view.t_ms.front(), view.values.front());
    return true;
  }));
  ASSERT_EQ(got, (Samples{{kT0 + 3'600'000, 36'001}}));
  EXPECT_EQ(history.thinned().resolution_ms, kHourMs);
}

// At each whole minute the newest sample, or marker, is the same as among all samples.
TEST_F(LongHistoryTest, PointsOnWholeMinutesAreReadFromMinutes) {
  options_.seal_after_ms = 1'000'000;
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 1, 1'000);
  for (int64_t tick = 1'001; tick < 1'100; ++tick) {
    AppendValues(&maker, tick, {1, tick % 7 == 0 ? 5.0 : StaleMarker(), 2});
  }
  AppendValues(&maker, 1'500, {1, StaleMarker(), 2});
  AppendTicks(&maker, 2'341, 7'000);  // into the next window, whose end is in level 0
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(9'000'000);
  ASSERT_OK(store_->SealNow());
  ASSERT_OK(store_->CompactDue());
  const auto read = [&](const LongHistory& history) {
    std::map<int64_t, uint64_t> samples;
    EXPECT_OK(history.Select(m1_, kT0 + 1, kT0 + 9'600'000, [&](const SeriesView& view) {
      for (size_t i = 0; i < view.t_ms.size(); ++i) {
        samples[view.t_ms[i]] = std::bit_cast<uint64_t>(view.values[i]);
      }
      return true;
    }));
    return samples;
  };
  // A marker of a minute may stand at its end: which one is it, or which sample?
  const auto newest = [](const std::map<int64_t, uint64_t>& samples, int64_t at) {
    const auto after = samples.upper_bound(at);
    if (after == samples.begin()) {
      return std::pair<int64_t, uint64_t>();
    }
    const auto it = std::prev(after);
    return it->second == kStaleBits ? std::pair(int64_t{0}, it->second)
                                    : std::pair(it->first, it->second);
  };
  const std::map<int64_t, uint64_t> all = read(LongHistory(*store_, 60'000));
  for (const int64_t step_ms : {60'000, 120'000, 600'000}) {
    const LongHistory history(*store_, kT0 + 60'000, step_ms);
    const std::map<int64_t, uint64_t> few = read(history);
    EXPECT_EQ(history.thinned().resolution_ms, 0);
    EXPECT_LT(few.size(), all.size() / 2);
    for (int64_t at = kT0 + 60'000; at <= kT0 + 9'600'000; at += step_ms) {
      EXPECT_EQ(newest(few, at), newest(all, at)) << (at - kT0) / 1000;
    }
  }
  // Points between minutes need them all.
  EXPECT_EQ(read(LongHistory(*store_, kT0 + 1'000, 60'000)), all);
  EXPECT_EQ(read(LongHistory(*store_, kT0, 90'000)), all);
}

TEST_F(LongHistoryTest, SamplesThatAreThereStay) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 1, 240);
  const LongHistory history(*store_, 0);
  int64_t samples = 0;
  ASSERT_OK(history.Select(m1_, 0, kForever, [&](const SeriesView& view) {
    samples += static_cast<int64_t>(view.t_ms.size());
    return true;
  }));
  EXPECT_EQ(samples, 240);
  EXPECT_EQ(history.thinned().resolution_ms, 0);
}

}  // namespace
}  // namespace ronda::store
