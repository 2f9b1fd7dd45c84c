// Level 1: what compaction, retention and damage do to history files.

#include <algorithm>
#include <atomic>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "collector/store/segment_span.h"
#include "common/model/record.h"
#include "tests/unit/collector/store/damage.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

class CompactionTest : public StoreTest {
 protected:
  void SealAndCompact() {
    ASSERT_OK(store_->Flush(5000));
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
  }
  // Appends whole runs of 120 ticks, sealed and compacted.
  void AppendRuns(int64_t first_tick, int64_t runs) {
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, first_tick, runs * 120);
  }
  void NewEpoch() {
    ++epoch_.id;
    next_seq_ = 1;
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    const std::string dir = options_.dir + "/history/raw";
    for (const auto& entry : fs::directory_iterator(dir)) {
      if (entry.path().extension() == ".db") {
        names.push_back(entry.path().filename().string());
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(CompactionTest, BlocksBecomeRowsAndNothingElseChanges) {
  Open();
  AppendRuns(1, 2);
  SealAndCompact();
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(Files(), std::vector<std::string>{"20261120T00-24h.db"});
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(Select(*store_, {Matcher::Equal("__name__", "m2")}, kT0 + 50'000, kT0 + 51'000)
                .begin()
                ->second,
            Ticks(50, 2, 2));
  Reopen();
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 240u);
  // The catalogue still knows the group, though level 0 has nothing of it.
  ASSERT_EQ(store_->Sources(node_).size(), 1u);
  EXPECT_EQ(store_->Sources(node_)[0].last_ms, kT0 + 240'000);
  store_.reset();
  ASSERT_OK_AND_ASSIGN(store_, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_EQ(SelectOne("m0"), Ticks(1, 240, 0));
}

TEST_F(CompactionTest, WindowsAndFilesAreOpenToTheLeft) {
  Open();
  AppendRuns(-60, 1);  // the tick at midnight belongs to the day that ends then
  SealAndCompact();
  EXPECT_EQ(Files(), (std::vector<std::string>{"20261119T00-24h.db", "20261120T00-24h.db"}));
  EXPECT_EQ(SelectOne("m1"), Ticks(-60, 120, 1));
  EXPECT_EQ(Select(*store_, {Matcher::Equal("__name__", "m0")}, kT0, kT0).begin()->second,
            Ticks(0, 1, 0));
}

TEST_F(CompactionTest, LateSamplesAreMergedAndTheFirstValueStays) {
  Open();
  AppendRuns(1, 1);
  SealAndCompact();
  NewEpoch();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  for (int64_t tick = 60; tick < 180; ++tick) {
    // One of the first run's values is the same.
    AppendValues(&maker, tick, {-1, tick == 100 ? 1001.0 : -2, -3});
  }
  SealAndCompact();
  Samples want = Ticks(1, 120, 1);
  for (int64_t tick = 121; tick < 180; ++tick) {
    want.emplace_back(kT0 + tick * 1000, -2);
  }
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(SelectOne("m1"), want);
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 1);
  EXPECT_EQ(store_->Stats().counters.conflicting_samples, 3 * 61 - 1);
}

TEST_F(CompactionTest, ASeriesThatEndsInOneSchemaGoesOnInAnother) {
  Open();
  const auto larger = GaugeSchema(5);
  ASSERT_OK(store_->AddSchema(larger));
  AppendRuns(1, 1);
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(larger);
  for (int64_t tick = 121; tick <= 240; ++tick) {
    AppendValues(&maker, tick, {0, static_cast<double>(tick * 10 + 1), 0, 0, 0});
  }
  SealAndCompact();
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(SelectOne("m4").size(), 120u);
}

TEST_F(CompactionTest, ARunThatMayGrowCanGoOnAfterwards) {
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendTicks(&maker, 1, 50);
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  SealAndCompact();
  ASSERT_EQ(Files().size(), 1u);
  Reopen();
  AppendTicks(&maker, 51, 70);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 120, 1));
  SealAndCompact();
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 120, 1));
}

TEST_F(CompactionTest, AKillBeforeTheBlocksAreRemovedIsHarmless) {
  Open();
  AppendRuns(1, 2);
  ASSERT_OK(store_->Flush(5000));
  ASSERT_OK(store_->SealNow());
  store_.reset();
  const std::string recent = options_.dir + "/history/recent.db";
  fs::copy_file(recent, recent + ".before");
  Open();
  ASSERT_OK(store_->CompactNow());
  store_.reset();
  fs::rename(recent + ".before", recent);
  Open();
  EXPECT_EQ(store_->Stats().blocks, 2);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(store_->Stats().counters.conflicting_samples, 0);
}

TEST_F(CompactionTest, JournalRowsOfWhatIsPackedAreNoLoss) {
  Open();
  FrameMaker host(1, {"host", "node", ""});
  host.StartRun(schema_);
  AppendTicks(&host, 1, 60);
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());  // the journal's rows so far go
  FrameMaker other(2, {"other", "other", ""});
  other.StartRun(schema_);
  AppendTicks(&other, 1, 1);  // stays in the journal, and with it all rows that follow
  AppendTicks(&host, 61, 60);
  SealAndCompact();
  ASSERT_EQ(store_->Stats().blocks, 0);
  Reopen();
  EXPECT_EQ(Select(*store_, {Matcher::Equal("__name__", "m1"), Matcher::Equal("job", "node")})
                .begin()
                ->second,
            Ticks(1, 120, 1));
  EXPECT_EQ(store_->Durable(node_, epoch_).count(), 121u);
  ASSERT_OK(store_->ScanRecords(GapRecord().name, "", 0, kForever,
                                [&](std::string_view, const Record& row) {
                                  ADD_FAILURE() << "a gap " << std::get<std::string>(row.values[4]);
                                  return true;
                                }));
}

TEST_F(CompactionTest, FilesOlderThanTheRetentionAreRemovedWhole) {
  options_.retention_raw_ms = int64_t{2} * 86'400'000;
  clock_.Advance(kT0 + 500'000 - clock_.NowMs());
  Open();
  AppendRuns(1, 1);
  SealAndCompact();
  NewEpoch();
  AppendRuns(86'401, 1);
  SealAndCompact();
  EXPECT_EQ(Files().size(), 2u);
  clock_.Advance(int64_t{3} * 86'400'000 - 400'000);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Files(), std::vector<std::string>{"20261121T00-24h.db"});
  EXPECT_EQ(SelectOne("m1"), Ticks(86'401, 120, 1));
}

// Connections of readers and their descriptors do not add up while many nodes are packed.
TEST_F(CompactionTest, ManyNodesNeedNoMoreDescriptorsThanFew) {
  Open();
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  AppendRuns(1, 1);
  SealAndCompact();
  const auto before = descriptors();
  for (int i = 0; i < 20; ++i) {
    NodeInfo node;
    node.name = "other" + std::to_string(i);
    ASSERT_OK_AND_ASSIGN(node_, store_->PutNode(node));
    NewEpoch();
    AppendRuns(1, 1);
  }
  SealAndCompact();
  EXPECT_LE(descriptors(), before + 4);
}

TEST_F(CompactionTest, MaxSizeRemovesTheOldestAndMakesFilesShorter) {
  schema_ = GaugeSchema(200);
  options_.max_history_bytes = 10 << 20;
  constexpr int64_t kDisk = int64_t{100} << 20;
  std::atomic<int64_t> free_bytes = kDisk / 2;
  options_.measure_disk_for_test = [&] {
    return absl::StatusOr<DiskUse>(DiskUse{free_bytes, kDisk});
  };
  options_.disk_period_ms = 1;
  Open();
  const auto history_bytes = [&] {
    int64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(options_.dir + "/history")) {
      const bool counts = entry.is_regular_file() && !entry.path().string().ends_with("-shm");
      bytes += counts ? static_cast<int64_t>(entry.file_size()) : 0;
    }
    return bytes;
  };
  for (int64_t hour = 0; hour < 48; hour += 2) {
    NewEpoch();
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    for (int64_t tick = 1; tick <= 360; ++tick) {
      std::vector<double> values(200);
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = std::bit_cast<double>(
            (static_cast<uint64_t>(hour * 1'000'000 + tick * 300) + i) * 0x9e3779b97f4a7c15ULL >>
            2);
      }
      AppendValues(&maker, hour * 3600 + tick, values);
    }
    clock_.Advance(kT0 + (hour + 2) * 3'600'000 - clock_.NowMs());
    SealAndCompact();
    EXPECT_LE(history_bytes(), options_.max_history_bytes);
  }
  const std::vector<std::string> files = Files();
  EXPECT_GE(files.size(), 2u);
  EXPECT_GT(files.front(), "20261120T02");
  EXPECT_FALSE(files.back().ends_with("-24h.db")) << files.back();
  // The newest is whole.
  EXPECT_EQ(Select(*store_, {Matcher::Equal("__name__", "m7")}, kT0 + 46 * 3'600'000LL, kForever)
                .begin()
                ->second.size(),
            360u);

  // With little room on the disk as much goes as is missing there, but half stays.
  const auto remove_with = [&](int64_t free, DiskState state) {
    free_bytes = free;
    while (store_->Stats().disk != state) {
      std::this_thread::yield();
    }
    EXPECT_OK(store_->CompactNow());
    return history_bytes();
  };
  const int64_t before = history_bytes();
  const int64_t less = remove_with(kDisk / 8 - (1 << 20), DiskState::kOk);
  EXPECT_EQ(less, before);
  const int64_t soft = remove_with(kDisk / 10 - 1, DiskState::kSoft);
  EXPECT_LT(soft, before);
  const int64_t hard = remove_with(0, DiskState::kHard);
  EXPECT_LE(hard, soft);
  EXPECT_GT(hard, options_.max_history_bytes / 4);
}

TEST_F(CompactionTest, ADamagedBlockBecomesAGapAndIsKept) {
  Open();
  AppendRuns(1, 2);
  ASSERT_OK(store_->Flush(5000));
  ASSERT_OK(store_->SealNow());
  store_.reset();
  const std::string path = options_.dir + "/history/recent.db";
  const size_t at = FindBytes(path, "RB01");
  ASSERT_NE(at, std::string::npos);
  FlipByte(path, at + 14);
  Open();
  ASSERT_OK(store_->CompactNow());
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(store_->Stats().blocks, 1);
  EXPECT_EQ(SelectOne("m1").size(), 120u);
  int gaps = 0;
  ASSERT_OK(store_->ScanRecords(GapRecord().name, "web1", 0, kForever,
                                [&](std::string_view, const Record& row) {
                                  EXPECT_EQ(std::get<std::string>(row.values[3]), "corrupt");
                                  EXPECT_GE(std::get<int64_t>(row.values[0]), kT0 + 1000);
                                  ++gaps;
                                  return true;
                                }));
  EXPECT_EQ(gaps, 1);
}

TEST(SegmentSpanTest, NamesAreReadBack) {
  for (const int64_t window : {0L, -1L, 249'324L, 249'325L, 249'335L, 249'336L, -25'567L * 12}) {
    for (const int64_t windows : kRawSpans) {
      const SegmentSpan span = SpanOf(window, windows);
      EXPECT_TRUE(span.Holds(window));
      const auto parsed = ParseSegmentFileName(SegmentFileName(span), kRawSpans);
      ASSERT_TRUE(parsed.has_value()) << SegmentFileName(span);
      EXPECT_EQ(*parsed, span);
    }
  }
  EXPECT_EQ(SegmentFileName(SpanOf(WindowOf(kT0 + 1), 12)), "20261120T00-24h.db");
  EXPECT_EQ(WindowOf(kT0), WindowOf(kT0 + 1) - 1);
  for (const char* name :
       {"", "recent.db", "20261120T00-24h.db-wal", "20261120T01-2h.db", "20261120T00-5h.db",
        "20261320T00-24h.db", "2026112 T00-24h.db", "T-h.db", "20261120T00--2h.db"}) {
    EXPECT_FALSE(ParseSegmentFileName(name, kRawSpans).has_value()) << name;
  }
}

}  // namespace
}  // namespace ronda::store
