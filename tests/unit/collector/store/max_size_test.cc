// Store::Options::max_history_bytes holds however little it is; what the present loses for it is
// told.

#include <bit>
#include <filesystem>
#include <string>
#include <vector>

#include "common/model/record.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kSeries = 100;

class MaxSizeTest : public StoreTest {
 protected:
  MaxSizeTest() { schema_ = GaugeSchema(kSeries); }

  // Two minutes of values that nothing can make smaller, sealed: about 96 KiB.
  void AppendBlock() {
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    for (int64_t i = 0; i < 120; ++i) {
      ++tick_;
      std::vector<double> values(kSeries);
      for (size_t s = 0; s < values.size(); ++s) {
        values[s] = ValueOf(tick_, s);
      }
      AppendValues(&maker, tick_, values);
    }
    ++epoch_.id;
    next_seq_ = 1;
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(kT0 + tick_ * 1000 - clock_.NowMs());
    ASSERT_OK(store_->SealNow());
  }
  static double ValueOf(int64_t tick, size_t series) {
    const uint64_t x = (static_cast<uint64_t>(tick) * 1000 + series) * 0x9e3779b97f4a7c15ULL;
    return std::bit_cast<double>((x ^ x >> 29) * 0xbf58476d1ce4e5b9ULL >> 2);
  }
  // As `du` sees it.
  int64_t HistoryBytes() const {
    int64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(options_.dir + "/history")) {
      bytes += entry.is_regular_file() ? static_cast<int64_t>(entry.file_size()) : 0;
    }
    return bytes;
  }
  size_t Files(const std::string& level) const {
    size_t files = 0;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history/" + level)) {
      files += entry.path().extension() == ".db" ? 1 : 0;
    }
    return files;
  }
  // What is there of a series is right, and reaches to the last tick. Returns how much there is.
  size_t ExpectNewest(size_t series) {
    const Samples got = SelectOne("m" + std::to_string(series));
    for (const auto& [t_ms, value] : got) {
      EXPECT_EQ(value, ValueOf((t_ms - kT0) / 1000, series));
    }
    EXPECT_TRUE(!got.empty() && got.back().first == kT0 + tick_ * 1000);
    return got.size();
  }

  int64_t tick_ = 0;
};

TEST_F(MaxSizeTest, WhatIsSealedIsPackedBeforeItsWindowEndsIfItTakesTooMuch) {
  options_.max_history_bytes = 16 * kMiB;
  Open();
  for (int i = 0; i < 10; ++i) {
    AppendBlock();
  }
  ASSERT_OK(store_->CompactDue());
  EXPECT_EQ(store_->Stats().blocks, 10);  // about 1 MiB
  for (int i = 0; i < 15; ++i) {
    AppendBlock();
  }
  ASSERT_OK(store_->CompactDue());
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(ExpectNewest(7), static_cast<size_t>(tick_));
  EXPECT_EQ(store_->Stats().counters.dropped_samples, 0);
}

TEST_F(MaxSizeTest, TheLastHoursGoWhenTheyAreMoreThanMayBeAndThatIsTold) {
  options_.max_history_bytes = 4 * kMiB;
  Open();
  for (int i = 0; i < 100; ++i) {  // 10 MiB in a little more than three hours
    AppendBlock();
    if (i % 3 == 0) {
      ASSERT_OK(store_->CompactDue());
    }
    EXPECT_LE(HistoryBytes(), options_.max_history_bytes) << "after block " << i;
  }
  EXPECT_GE(ExpectNewest(3), 120u);
  const int64_t dropped = store_->Stats().counters.dropped_samples;
  EXPECT_GT(dropped, 3'600 * kSeries);
  int gaps = 0;
  ASSERT_OK(store_->ScanRecords(
      GapRecord().name, "web1", 0, kForever, [&](std::string_view, const Record& row) {
        EXPECT_EQ(std::get<std::string>(row.values[3]), "max_size");
        EXPECT_EQ(std::get<std::string>(row.values[2]), "host");
        EXPECT_LE(std::get<int64_t>(row.values[0]), std::get<int64_t>(row.values[1]));
        ++gaps;
        return true;
      }));
  EXPECT_GT(gaps, 0);
  EXPECT_LT(gaps, 30);
}

TEST_F(MaxSizeTest, BlocksThatCannotEvenBePackedGoToo) {
  options_.max_history_bytes = 4 * kMiB;
  Open();
  for (int i = 0; i < 60; ++i) {  // 6 MiB at once
    AppendBlock();
  }
  EXPECT_GT(HistoryBytes(), options_.max_history_bytes);
  ASSERT_OK(store_->CompactDue());
  EXPECT_LE(HistoryBytes(), options_.max_history_bytes);
  EXPECT_GT(store_->Stats().counters.dropped_samples, 0);
  AppendBlock();
  EXPECT_GE(ExpectNewest(3), 120u);
}

TEST_F(MaxSizeTest, ALowerLimitHoldsFromTheNextStart) {
  Open();
  for (int i = 0; i < 150; ++i) {  // five hours
    AppendBlock();
  }
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Files("raw"), 1u);  // of a day
  EXPECT_GT(HistoryBytes(), 12 * kMiB);
  options_.max_history_bytes = 10 * kMiB;
  Reopen();
  ++epoch_.id;
  ASSERT_OK(store_->CompactDue());
  EXPECT_LE(HistoryBytes(), options_.max_history_bytes);
  EXPECT_GE(ExpectNewest(3), 3'600u);
  EXPECT_EQ(store_->Stats().counters.dropped_samples, 0);  // whole windows, oldest first
}

TEST_F(MaxSizeTest, RollUpsDoNotFillWhatSamplesNeed) {
  options_.max_history_bytes = 20 * kMiB;
  Open();
  for (int i = 0; i < 240; ++i) {  // eight hours, 23 MiB and roll-ups
    AppendBlock();
    if (i % 5 == 0) {
      ASSERT_OK(store_->CompactDue());
      EXPECT_LE(HistoryBytes(), options_.max_history_bytes) << "after block " << i;
    }
  }
  EXPECT_GT(Files("minute"), 1u);
  EXPECT_GE(ExpectNewest(3), 7'200u);
  EXPECT_EQ(store_->Stats().counters.dropped_samples, 0);
}

}  // namespace
}  // namespace ronda::store
