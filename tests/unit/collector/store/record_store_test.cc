// Records in the store: packed into files, merged, limited by kind, and what damage costs.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/record_files.h"
#include "collector/store/sqlite_recent_db.h"
#include "common/base/files.h"
#include "common/model/record.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

RecordKind Kind(const std::string& name) {
  return {name, {{"n", ColumnType::kInt}, {"text", ColumnType::kString}}};
}

class RecordStoreTest : public StoreTest {
 protected:
  RecordStoreTest() { clock_.Advance(kT0 - clock_.NowMs()); }

  // One run, of one frame, with these records (n counts from `first`).
  void Append(const std::string& kind, int64_t first, const std::vector<int64_t>& t_ms,
              const std::string& text = "text") {
    std::vector<Record> rows;
    for (const int64_t t : t_ms) {
      rows.push_back({t, {first++, text}});
    }
    RecordMaker maker(3, Kind(kind));
    Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    batch.frames.push_back(maker.Make(next_seq_++, rows));
    ASSERT_OK(store_->Append(std::move(batch)));
  }

  void Pack() {
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(options_.seal_after_ms);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
  }

  static std::vector<int64_t> Numbers(const Store& store, const std::string& kind,
                                      int64_t start_ms = 0, int64_t end_ms = kForever,
                                      const std::string& node = "") {
    std::vector<int64_t> numbers;
    EXPECT_OK(store.ScanRecords(kind, node, start_ms, end_ms,
                                [&](std::string_view of, const Record& record) {
                                  EXPECT_EQ(of, "web1");
                                  numbers.push_back(std::get<int64_t>(record.values[0]));
                                  return true;
                                }));
    return numbers;
  }
  std::vector<int64_t> Numbers(const std::string& kind, int64_t start_ms = 0,
                               int64_t end_ms = kForever) const {
    return Numbers(*store_, kind, start_ms, end_ms);
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history/records", ignored)) {
      if (entry.path().extension() == ".db") {
        names.push_back(entry.path().filename().string());
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  // Of all record blocks in recent.db.
  int64_t RunsInRecent() const { return Count("/history/recent.db", "record_blocks"); }
  int64_t Count(const std::string& file, const std::string& table) const {
    const auto db = Database::Open(options_.dir + file, {});
    return db.ok() ? (*db)->QueryInt("SELECT count(*) FROM " + table).value_or(-1) : -1;
  }
};

TEST_F(RecordStoreTest, ArePackedByHourAndReadInOrder) {
  Open();
  Append("a", 0, {kT0 + 10, kT0 + 10, kT0 + 2 * kHourMs});
  Append("b", 0, {kT0 + 10});
  Append("a", 3, {kT0 + 5, kT0 + kHourMs, kT0 + kHourMs + 1});
  const std::vector<int64_t> all = {3, 0, 1, 4, 5, 2};
  EXPECT_EQ(Numbers("a"), all);
  Pack();
  ASSERT_EQ(Files().size(), 1u);
  EXPECT_EQ(Count("/history/records/" + Files()[0], "blocks"), 3);  // 2 hours of a, 1 of b
  EXPECT_EQ(Numbers("a"), all);
  EXPECT_EQ(Numbers("b"), std::vector<int64_t>{0});
  EXPECT_EQ(Numbers("a", kT0 + 10, kT0 + kHourMs), (std::vector<int64_t>{0, 1, 4}));
  EXPECT_EQ(Numbers("c"), std::vector<int64_t>{});
  EXPECT_EQ(Numbers(*store_, "a", 0, kForever, "web2"), std::vector<int64_t>{});
  EXPECT_EQ(Numbers(*store_, "a", 0, kForever, "web1"), all);
  Reopen();
  EXPECT_EQ(Numbers("a"), all);
  ASSERT_OK_AND_ASSIGN(const auto read_only, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_EQ(Numbers(*read_only, "a"), all);
}

TEST_F(RecordStoreTest, VisitorsStopThePacked) {
  Open();
  Append("a", 0, {kT0, kT0 + kHourMs, kT0 + 2 * kHourMs});
  Pack();
  int seen = 0;
  ASSERT_OK(store_->ScanRecords("a", "", 0, kForever,
                                [&](std::string_view, const Record&) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST_F(RecordStoreTest, LateOnesMergeIntoTheBlockOfTheirHour) {
  Open();
  Append("a", 0, {kT0 + 10, kT0 + 30});
  Pack();
  Append("a", 2, {kT0 + 20});
  Pack();
  EXPECT_EQ(Count("/history/records/" + Files()[0], "blocks"), 1);
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 2, 1}));
}

TEST_F(RecordStoreTest, OnlyRunsThatMayGrowStayBesideThePacked) {
  Open();
  for (int i = 0; i < 5; ++i) {
    Append("a", i, {kT0 + i});
  }
  Pack();
  EXPECT_EQ(RunsInRecent(), 1);  // the last of its group
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1, 2, 3, 4}));
  clock_.Advance(options_.retention_raw_ms + kDayMs);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a").size(), 5u) << "packed records outlive samples";
}

TEST_F(RecordStoreTest, ARunGrowsAfterItWasPacked) {
  Open();
  RecordMaker maker(3, Kind("a"));
  const auto append = [&](int64_t n) {
    const Record row{kT0 + 1 + n, {n, std::string("t")}};
    Batch batch;
    batch.node = node_;
    batch.epoch = epoch_;
    batch.frames.push_back(maker.Make(next_seq_++, {&row, 1}));
    ASSERT_OK(store_->Append(std::move(batch)));
  };
  append(0);
  Pack();
  append(1);
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1}));
  Pack();
  Reopen();
  append(2);
  Pack();
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(Count("/history/records/" + Files()[0], "blocks"), 1);
}

// A crash between the file of records and recent.db leaves them in both.
TEST_F(RecordStoreTest, WhatIsInBothIsReadOnce) {
  Open();
  Append("a", 0, {kT0, kT0, kT0 + 1});
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  store_.reset();
  const std::string recent = options_.dir + "/history/recent.db";
  fs::copy_file(recent, recent + ".before");
  Open();
  ASSERT_OK(store_->CompactNow());
  store_.reset();
  fs::rename(recent + ".before", recent);
  Open();
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1, 2}));
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(RecordStoreTest, OldFilesGoWhole) {
  options_.records.others.keep_ms = 10 * kDayMs;
  Open();
  Append("a", 0, {kT0 + 1});
  Append("a", 1, {kT0 + 8 * kDayMs});
  clock_.Advance(8 * kDayMs);
  Pack();
  EXPECT_EQ(Files().size(), 2u);
  clock_.Advance(2 * kDayMs - kHourMs);  // the older one is 10 days old less an hour
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{0, 1}));
  clock_.Advance(2 * kHourMs);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a"), std::vector<int64_t>{1});
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(RecordStoreTest, EachKindIsKeptForItsTime) {
  options_.records.others.keep_ms = 2 * kDayMs;
  options_.records.kinds["b"].keep_ms = 0;
  Open();
  Append("a", 0, {kT0 + 1});
  Append("b", 1, {kT0 + 1});
  Append("c", 0, {kT0 + 1});  // ends the others' runs
  Pack();
  clock_.Advance(400 * kDayMs);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("b"), std::vector<int64_t>{1});
  EXPECT_EQ(Count("/history/records/" + Files()[0], "blocks"), 1);
}

std::string Noise(size_t bytes, uint64_t seed) {
  std::string text;
  for (; text.size() < bytes; seed = seed * 6364136223846793005ULL + 1442695040888963407ULL) {
    text.push_back(static_cast<char>(seed >> 56));
  }
  return text;
}

TEST_F(RecordStoreTest, AFloodOfOneKindDoesNotPushOutAnother) {
  options_.records.others.max_bytes = 100'000;
  Open();
  Append("alert", 0, {kT0 + 1});
  for (int64_t hour = 0; hour < 400; ++hour) {  // more than two files
    Append("log", hour, {kT0 + hour * kHourMs + 1}, Noise(1000, static_cast<uint64_t>(hour)));
    clock_.Advance(kHourMs);
  }
  Append("alert", 1, {clock_.NowMs()});
  Pack();
  EXPECT_EQ(Numbers("alert"), (std::vector<int64_t>{0, 1}));
  const std::vector<int64_t> left = Numbers("log");
  ASSERT_GT(left.size(), 80u);
  EXPECT_LT(left.size(), 100u);
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i], 400 - static_cast<int64_t>(left.size() - i)) << "the oldest go";
  }
  int64_t bytes = 0;
  for (const std::string& name : Files()) {
    bytes += DatabaseBytes(options_.dir + "/history/records/" + name);
  }
  EXPECT_LT(bytes, 300'000) << "files give back what was removed";
  store_.reset();
  ASSERT_OK_AND_ASSIGN(const auto recent, RecentDb::Open(options_.dir + "/history/recent.db"));
  ASSERT_OK_AND_ASSIGN(const auto removed, recent->AllRemovedRecords());
  ASSERT_EQ(removed.size(), 1u);
  EXPECT_EQ(removed[0].kind, "log");
  EXPECT_EQ(removed[0].records, 400 - static_cast<int64_t>(left.size()));
  EXPECT_GE(removed[0].bytes, removed[0].records * 1000);
}

TEST_F(RecordStoreTest, MaxSizeLimitsRecordsToo) {
  options_.max_history_bytes = 400'000;
  Open();
  for (int64_t hour = 0; hour < 100; ++hour) {
    Append("log", hour, {kT0 + hour * kHourMs + 1}, Noise(1000, static_cast<uint64_t>(hour)));
  }
  Pack();
  EXPECT_LT(Numbers("log").size(), 51u);
  EXPECT_GT(Numbers("log").size(), 30u);
}

// Flips bits all over a file of records: what is lost is at most a block, or said to be.
TEST_F(RecordStoreTest, AFlippedBitCostsABlock) {
  Open();
  for (int64_t hour = 0; hour < 20; ++hour) {
    Append("a", hour * 10, std::vector<int64_t>(10, kT0 + hour * kHourMs + 1),
           Noise(600, static_cast<uint64_t>(hour)));
  }
  Append("b", 0, {kT0});
  Pack();
  clock_.Advance(options_.retention_raw_ms + kDayMs);
  ASSERT_OK(store_->CompactNow());
  store_.reset();
  const std::string path = options_.dir + "/history/records/" + Files()[0];
  ASSERT_OK_AND_ASSIGN(const std::string good, ReadFile(path, 10 << 20));
  int damaged = 0;
  for (size_t at = 0; at < good.size(); at += at < 110 ? 1 : 997) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x11);
    std::ofstream(path, std::ios::binary) << bad;
    ASSERT_OK_AND_ASSIGN(const auto store, Store::OpenReadOnly(options_.dir, clock_));
    const std::vector<int64_t> got = Numbers(*store, "a");
    for (const int64_t n : got) {
      EXPECT_TRUE(n >= 0 && n < 200);
    }
    if (got.size() < 200) {
      ++damaged;
      EXPECT_GE(store->Stats().counters.corrupt_blocks, 1) << at;
    }
    const bool in_content = store->Stats().counters.corrupt_blocks == 1 && got.size() == 190;
    EXPECT_TRUE(in_content || got.size() == 200 || store->Stats().counters.corrupt_blocks > 0)
        << at << ": " << got.size();
  }
  EXPECT_GT(damaged, 5);
}

TEST_F(RecordStoreTest, ADamagedBlockStaysWhenLateOnesCome) {
  Open();
  Append("a", 0, {kT0 + 1});
  Append("a", 1, {kT0 + kHourMs + 1});
  Append("a", 2, {kT0 + 3 * kHourMs});
  Pack();
  store_.reset();
  const std::string path = options_.dir + "/history/records/" + Files()[0];
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(path, {}));
    ASSERT_OK(
        db->Execute("UPDATE blocks SET data=zeroblob(50) WHERE t_min=" + std::to_string(kT0 + 1)));
  }
  Open();
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  Append("a", 3, {kT0 + 2});
  Pack();
  EXPECT_EQ(Numbers("a"), (std::vector<int64_t>{3, 1, 2}));
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  EXPECT_EQ(Count("/history/records/" + Files()[0], "blocks"), 4);
}

TEST_F(RecordStoreTest, ADamagedPackedBlockBecomesAGapOfItsKindAndTimes) {
  Open();
  Append("a", 0, {kT0 + 5, kT0 + 9});
  Append("a", 2, {kT0 + kHourMs + 1});
  Pack();
  const std::string path = options_.dir + "/history/records/" + Files()[0];
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(path, {}));
    ASSERT_OK(
        db->Execute("UPDATE blocks SET data=zeroblob(50) WHERE t_min=" + std::to_string(kT0 + 5)));
  }
  std::vector<std::string> gaps;
  const auto read_gaps = [&] {
    gaps.clear();
    ASSERT_OK(
        store_->ScanRecords("gap", "web1", 0, kForever, [&](std::string_view, const Record& gap) {
          gaps.push_back(std::to_string(std::get<int64_t>(gap.values[0]) - kT0) + " " +
                         std::to_string(std::get<int64_t>(gap.values[1]) - kT0) + " " +
                         std::get<std::string>(gap.values[2]) + " " +
                         std::get<std::string>(gap.values[3]));
          return true;
        }));
  };
  EXPECT_EQ(Numbers("a"), std::vector<int64_t>{2});
  ASSERT_OK(store_->CompactNow());  // tells
  read_gaps();
  EXPECT_EQ(gaps, std::vector<std::string>{"5 9 a corrupt"});
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  // Once, also after a restart.
  store_.reset();
  Open();
  EXPECT_EQ(Numbers("a"), std::vector<int64_t>{2});
  ASSERT_OK(store_->CompactNow());
  read_gaps();
  EXPECT_EQ(gaps.size(), 1u);
}

TEST_F(RecordStoreTest, ADamagedRunBecomesAGapAndIsNotAskedForAgain) {
  Open();
  Append("a", 0, {kT0 + 1});
  Append("a", 1, {kT0 + 2});
  ASSERT_OK(store_->Flush(5000));
  clock_.Advance(options_.seal_after_ms);
  ASSERT_OK(store_->SealNow());
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(options_.dir + "/history/recent.db", {}));
    ASSERT_OK(db->Execute("UPDATE record_blocks SET data=zeroblob(50) WHERE id=1"));
  }
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a"), std::vector<int64_t>{1});
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  std::vector<std::string> causes;
  ASSERT_OK(
      store_->ScanRecords("gap", "web1", 0, kForever, [&](std::string_view, const Record& gap) {
        causes.push_back(std::get<std::string>(gap.values[3]));
        return true;
      }));
  EXPECT_EQ(causes, std::vector<std::string>{"corrupt"});
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a"), std::vector<int64_t>{1});
}

TEST_F(RecordStoreTest, ARepairSavesTheBlocksThatAreWhole) {
  Open();
  for (int64_t hour = 0; hour < 30; ++hour) {
    Append("a", hour, {kT0 + hour * kHourMs + 1}, Noise(3000, static_cast<uint64_t>(hour)));
  }
  Append("b", 0, {kT0 + 1});
  Pack();
  clock_.Advance(options_.retention_raw_ms + kDayMs);
  ASSERT_OK(store_->CompactNow());
  store_.reset();
  ASSERT_OK_AND_ASSIGN(std::string report, RepairDataFolder(options_.dir, clock_));
  EXPECT_NE(report.find(Files()[0] + ": in order"), std::string::npos) << report;
  const std::string path = options_.dir + "/history/records/" + Files()[0];
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(path, 10 << 20));
  bytes.replace(0, 4096, std::string(4096, 'x'));
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
  ASSERT_OK_AND_ASSIGN(report, RepairDataFolder(options_.dir, clock_));
  EXPECT_NE(report.find("saved 3"), std::string::npos) << report;
  EXPECT_NE(report.find(".corrupt-"), std::string::npos) << report;
  Open();
  EXPECT_GE(Numbers("a").size(), 28u);
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 0);
  Append("a", 30, {kT0 + 1});
  Pack();
  EXPECT_EQ(Numbers("a", kT0 + 1, kT0 + 1), (std::vector<int64_t>{0, 30}));
}

TEST_F(RecordStoreTest, AnHourOfMuchTextIsManyBlocks) {
  Open();
  int64_t n = 0;
  for (int i = 0; i < 60; ++i) {
    Append("a", n, {kT0 + n, kT0 + n + 1}, Noise(50'000, static_cast<uint64_t>(i)));
    n += 2;
  }
  Pack();
  EXPECT_GE(Count("/history/records/" + Files()[0], "blocks"), 5);
  Append("a", n, {kT0 + 1}, "late");
  Pack();
  EXPECT_EQ(Numbers("a").size(), 121u);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Numbers("a").size(), 121u);
}

TEST_F(RecordStoreTest, OtherColumnsOfAKindHaveBlocksOfTheirOwn) {
  Open();
  Append("a", 0, {kT0 + 1});
  RecordKind later = Kind("a");
  later.columns.push_back({"x", ColumnType::kDouble});
  RecordMaker maker(3, later);
  const Record row{kT0 + 2, {int64_t{1}, std::string("t"), 2.5}};
  Batch batch;
  batch.node = node_;
  batch.epoch = epoch_;
  batch.frames.push_back(maker.Make(next_seq_++, {&row, 1}));
  ASSERT_OK(store_->Append(std::move(batch)));
  Pack();
  std::vector<size_t> columns;
  ASSERT_OK(store_->ScanRecords("a", "", 0, kForever, [&](std::string_view, const Record& record) {
    columns.push_back(record.values.size());
    return true;
  }));
  EXPECT_EQ(columns, (std::vector<size_t>{2, 3}));
}

}  // namespace
}  // namespace ronda::store
