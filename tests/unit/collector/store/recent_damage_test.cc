// What damage to recent.db costs: never a start, and every sample that is lost lies in a gap.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "collector/store/sqlite_db.h"
#include "common/model/record.h"
#include "tests/unit/collector/store/damage.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

class RecentDamageTest : public StoreTest {
 protected:
  static constexpr int64_t kTicks = 600;

  // Five blocks of 120 ticks, sealed and not packed; the store is closed.
  void SetUp() override {
    schema_ = GaugeSchema(40);
    Open();
    for (int64_t first = 1; first <= kTicks; first += 120) {
      FrameMaker maker(1, {"host", "node", ""});
      maker.StartRun(schema_);
      AppendTicks(&maker, first, 120);
      ++epoch_.id;
      next_seq_ = 1;
    }
    ASSERT_OK(store_->Flush(5000));
    ASSERT_OK(store_->SealNow());
    store_.reset();
    clock_.Advance((kTicks + 1) * 1000);
    good_ = dir_.File("good");
    fs::copy(options_.dir, good_, fs::copy_options::recursive);
  }
  // The folder as SetUp() left it.
  void Restore() {
    store_.reset();
    fs::remove_all(options_.dir);
    fs::copy(good_, options_.dir, fs::copy_options::recursive);
  }
  std::string Recent() const { return options_.dir + "/history/recent.db"; }
  // Names in history/ with `part` in them.
  std::vector<std::string> Named(const std::string& part) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history")) {
      const std::string name = entry.path().filename().string();
      if (name.find(part) != std::string::npos) {
        names.push_back(name);
      }
    }
    return names;
  }
  struct Gap {
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    std::string group;
  };
  std::vector<Gap> Gaps() const {
    std::vector<Gap> gaps;
    EXPECT_OK(store_->ScanRecords(
        GapRecord().name, "web1", 0, kForever, [&](std::string_view, const Record& row) {
          EXPECT_EQ(std::get<std::string>(row.values[3]), "corrupt");
          gaps.push_back({std::get<int64_t>(row.values[0]), std::get<int64_t>(row.values[1]),
                          std::get<std::string>(row.values[2])});
          return true;
        }));
    return gaps;
  }
  // Every sample that is read is one that was written. Returns how many are not read and in no gap.
  int64_t CountUntold() {
    int64_t untold = 0;
    const std::vector<Gap> gaps = Gaps();
    std::map<Labels, Samples> all = Select(*store_, {Matcher::Equal("node", "web1")});
    for (int64_t i = 0; i < static_cast<int64_t>(schema_->series.size()); ++i) {
      const auto found = std::find_if(all.begin(), all.end(), [&](const auto& series) {
        return series.first.Get("i") == std::to_string(i);
      });
      const Samples got = found == all.end() ? Samples() : found->second;
      for (const auto& sample : Ticks(1, kTicks, i)) {
        const auto it = std::lower_bound(got.begin(), got.end(), sample.first,
                                         [](const auto& s, int64_t t) { return s.first < t; });
        if (it != got.end() && it->first == sample.first) {
          EXPECT_EQ(it->second, sample.second);
          continue;
        }
        untold += std::any_of(gaps.begin(), gaps.end(),
                              [&](const Gap& gap) {
                                return gap.from_ms <= sample.first && sample.first <= gap.to_ms;
                              })
                      ? 0
                      : 1;
      }
    }
    return untold;
  }
  // Until when it was written may be all that is known of a file.
  void SetWriteTime() const {
    for (const std::string& path : {Recent(), Recent() + "-wal"}) {
      if (fs::exists(path)) {
        fs::last_write_time(path, fs::file_time_type::clock::from_sys(std::chrono::sys_seconds(
                                      std::chrono::seconds(kT0 / 1000 + kTicks + 1))));
      }
    }
  }
  // Opens a damaged folder, packs what is there, and looks whether all that is lost is told of.
  void ExpectNothingUntold() {
    SetWriteTime();
    Open();
    if (HasFatalFailure()) {
      return;
    }
    ASSERT_OK(store_->CompactNow());
    ASSERT_OK(store_->CompactNow());  // tells of what the first has found last
    EXPECT_EQ(CountUntold(), 0);
  }

  std::string good_;
};

TEST_F(RecentDamageTest, WithoutDamageNothingIsPutAside) {
  ExpectNothingUntold();
  EXPECT_TRUE(Gaps().empty());
  EXPECT_TRUE(Named("damaged").empty());
}

TEST_F(RecentDamageTest, AnyPageMayBeOverwritten) {
  const auto pages = fs::file_size(Recent()) / 4096;
  ASSERT_GT(pages, 15u);
  for (uint64_t page = 0; page < pages && !HasFailure(); ++page) {
    SCOPED_TRACE("page " + std::to_string(page));
    Restore();
    Overwrite(Recent(), page * 4096, 4096);
    ExpectNothingUntold();
  }
}

TEST_F(RecentDamageTest, ItMayBeCutAnywhere) {
  const auto pages = fs::file_size(Recent()) / 4096;
  for (uint64_t page = 1; page < pages && !HasFailure(); page += 3) {
    SCOPED_TRACE("page " + std::to_string(page));
    Restore();
    fs::resize_file(Recent(), page * 4096);
    ExpectNothingUntold();
  }
}

// Compaction stopped then, until a restart.
TEST_F(RecentDamageTest, DamageToAnyPageWhileItRunsIsMended) {
  const auto pages = fs::file_size(Recent()) / 4096;
  const uint64_t step = std::getenv("RONDA_LONG") != nullptr ? 1 : 3;
  size_t mended = 0;
  for (uint64_t page = 0; page < pages && !HasFailure(); page += step) {
    SCOPED_TRACE("page " + std::to_string(page));
    Restore();
    Open();
    Overwrite(Recent(), page * 4096, 4096);
    SetWriteTime();
    ASSERT_OK(store_->CompactNow());
    ASSERT_OK(store_->CompactNow());  // tells of what the first has found last
    EXPECT_EQ(CountUntold(), 0);
    mended += Named("recent.db.damaged-").size();
    // It goes on.
    ++epoch_.id;
    next_seq_ = 1;
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, kTicks + 1, 120);
    ASSERT_OK(store_->Flush(5000));
    ASSERT_OK(store_->SealNow());
    EXPECT_EQ(Select(*store_, {Matcher::Equal("i", "7")}).begin()->second.back(),
              Ticks(kTicks + 120, 1, 7).back());
    ASSERT_OK(store_->CompactNow());
    const Samples samples = Select(*store_, {Matcher::Equal("i", "7")}).begin()->second;
    EXPECT_TRUE(std::equal(samples.end() - 120, samples.end(), Ticks(kTicks + 1, 120, 7).begin()));
  }
  EXPECT_GT(mended, pages / step / 4);
}

TEST_F(RecentDamageTest, AMendedFileIsFoundByARestart) {
  Open();
  Overwrite(Recent(), 4096, fs::file_size(Recent()) - 4096);
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(Named("recent.db.damaged-").size(), 1u);
  EXPECT_EQ(Gaps().size(), 1u);  // until now, by the clock of the file system
  Reopen();
  EXPECT_EQ(Named("recent.db.damaged-").size(), 1u);
  EXPECT_EQ(Gaps().size(), 1u);
  ASSERT_OK(store_->CompactNow());
}

TEST_F(RecentDamageTest, CutToNothingIsNoNewFile) {
  fs::resize_file(Recent(), 0);
  SetWriteTime();
  Open();
  EXPECT_TRUE(Select(*store_, {Matcher::Equal("node", "web1")}).empty());
  EXPECT_EQ(CountUntold(), 0);
  EXPECT_EQ(Named("recent.db.damaged-").size(), 1u);
  EXPECT_GE(store_->Stats().counters.corrupt_blocks, 1);
}

TEST_F(RecentDamageTest, TheDamagedFileIsKeptAndARepairTakesItOffTheList) {
  Overwrite(Recent(), 0, 4096);
  Open();
  ASSERT_EQ(Named("recent.db.damaged-").size(), 1u);
  EXPECT_EQ(Select(*store_, {Matcher::Equal("node", "web1")}).size(),
            schema_->series.size());  // the first page is known
  EXPECT_TRUE(Gaps().empty());
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  Reopen();
  EXPECT_EQ(Named("recent.db.damaged-").size(), 1u);
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 0);
  store_.reset();
  ASSERT_OK_AND_ASSIGN(const std::string report, RepairDataFolder(options_.dir, clock_));
  EXPECT_NE(report.find("brought back"), std::string::npos) << report;
  EXPECT_TRUE(Named("recent.db.damaged-").empty());
  EXPECT_EQ(Named("recent.db.corrupt-").size(), 1u);
}

TEST_F(RecentDamageTest, ARepairTellsOfWhatItCannotSave) {
  ASSERT_OK_AND_ASSIGN(auto db, Database::Open(Recent(), {}));
  ASSERT_OK(db->Execute("UPDATE blocks SET data=zeroblob(5000) WHERE id=3"));
  db.reset();
  ASSERT_OK_AND_ASSIGN(const std::string report, RepairDataFolder(options_.dir, clock_));
  EXPECT_NE(report.find("saved 4 blocks"), std::string::npos) << report;
  Open();
  const std::vector<Gap> gaps = Gaps();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].from_ms, kT0 + 241'000);
  EXPECT_EQ(gaps[0].to_ms, kT0 + 360'000);
  EXPECT_EQ(gaps[0].group, "host");
}

TEST_F(RecentDamageTest, DamageToTheJournalStillRefusesTheStart) {
  Overwrite(Recent(), 4096, 4096);
  Overwrite(options_.dir + "/ronda.db", 0, 4096);
  const auto store = Store::Open(options_, clock_);
  EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss, "ronda store repair"));
  EXPECT_TRUE(Named("damaged").empty());
}

}  // namespace
}  // namespace ronda::store
