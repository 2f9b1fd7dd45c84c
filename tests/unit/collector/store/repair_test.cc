#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/sqlite_db.h"
#include "collector/store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kT0 = 1'795'132'800'000;

class RepairTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.dir = dir_.File("data");
    options_.manual_seal = true;
    options_.commit_interval_ms = 0;
    ASSERT_OK_AND_ASSIGN(auto store, Store::Open(options_, clock_));
    const auto schema = GaugeSchema(1);
    ASSERT_OK(store->AddSchema(schema));
    NodeInfo node;
    node.name = "web1";
    ASSERT_OK_AND_ASSIGN(const NodeId id, store->PutNode(node));
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema);
    for (uint64_t tick = 0; tick < 200; ++tick) {
      Batch batch;
      batch.node = id;
      batch.epoch = {1, kT0};
      batch.frames.push_back(maker.Make(tick + 1, kT0 + static_cast<int64_t>(tick) * 1000,
                                        std::vector<double>{static_cast<double>(tick)}));
      batch.state.push_back({"alert", "key", "value"});
      ASSERT_OK(store->Append(std::move(batch)));
      ASSERT_OK(store->Flush(10'000));
    }
    // The first run is a block, the second, of 80 ticks, is in the journal.
    ASSERT_OK(store->SealNow());
  }

  void Damage(const std::string& sql) {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(options_.dir + "/ronda.db", {}));
    ASSERT_OK(db->Execute(sql));
  }

  // How many samples there are after a repair, or without one.
  size_t Count() {
    size_t n = 0;
    auto store = Store::Open(options_, clock_);
    EXPECT_OK(store);
    if (!store.ok()) {
      return 0;
    }
    EXPECT_OK((*store)->Select({Matcher::Equal("__name__", "m0")}, 0,
                               std::numeric_limits<int64_t>::max(), [&](const SeriesView& view) {
                                 n += view.t_ms.size();
                                 return true;
                               }));
    return n;
  }

  size_t KeptFiles() {
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator(options_.dir)) {
      n += entry.path().filename().string().starts_with("ronda.db.corrupt-") ? 1 : 0;
    }
    return n;
  }

  FakeClock clock_;
  TempDir dir_;
  Store::Options options_;
};

TEST_F(RepairTest, LeavesASoundFolderAlone) {
  ASSERT_OK_AND_ASSIGN(const std::string report, RepairDataFolder(options_.dir, clock_));
  EXPECT_NE(report.find("in order"), std::string::npos) << report;
  EXPECT_EQ(KeptFiles(), 0u);
  EXPECT_EQ(Count(), 200u);
}

TEST_F(RepairTest, FirstPageOverwritten) {
  {
    std::fstream file(options_.dir + "/ronda.db", std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(4096, 'x');
  }
  EXPECT_THAT(Store::Open(options_, clock_),
              StatusIs(absl::StatusCode::kDataLoss, "ronda store repair --data " + options_.dir));
  ASSERT_OK(RepairDataFolder(options_.dir, clock_));
  EXPECT_EQ(KeptFiles(), 1u);
  EXPECT_EQ(Count(), 200u);
  ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(options_, clock_));
  std::string value;
  ASSERT_OK(store->ScanState(
      "alert", [&](std::string_view, std::string_view v) { value = std::string(v); }));
  EXPECT_EQ(value, "value");
}

TEST_F(RepairTest, FileCutInHalf) {
  const auto size = fs::file_size(options_.dir + "/ronda.db");
  fs::resize_file(options_.dir + "/ronda.db", size / 2 / 4096 * 4096);
  EXPECT_THAT(Store::Open(options_, clock_), StatusIs(absl::StatusCode::kDataLoss, "ronda.db"));
  ASSERT_OK(RepairDataFolder(options_.dir, clock_));
  EXPECT_GE(Count(), 120u);
}

TEST_F(RepairTest, CatalogueIsMadeAgainFromWhatSaysTheSame) {
  for (const char* table : {"nodes", "sources", "schemas"}) {
    SCOPED_TRACE(table);
    // The second run's key frame is in the journal, and the history knows the schema.
    Damage(std::string("UPDATE ") + table + " SET data=x'00'");
    EXPECT_THAT(Store::Open(options_, clock_),
                StatusIs(absl::StatusCode::kDataLoss, "ronda store repair"));
    ASSERT_OK(RepairDataFolder(options_.dir, clock_));
    EXPECT_EQ(Count(), 200u);
    clock_.Advance(1000);
  }
}

TEST_F(RepairTest, DamagedJournalRowBecomesAGap) {
  Damage("UPDATE journal SET batch=x'00' WHERE id=(SELECT min(id)+50 FROM journal)");
  for (int again = 0; again < 2; ++again) {
    ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(options_, clock_));
    EXPECT_EQ(store->Stats().counters.corrupt_journal_rows, 1);
    int gaps = 0;
    ASSERT_OK(store->ScanRecords("gap", "web1", 0, std::numeric_limits<int64_t>::max(),
                                 [&](std::string_view, const Record& row) {
                                   ++gaps;
                                   EXPECT_EQ(std::get<std::string>(row.values[2]), "host");
                                   EXPECT_EQ(std::get<std::string>(row.values[3]), "corrupt");
                                   EXPECT_EQ(std::get<int64_t>(row.values[1]), kT0 + 199'000);
                                   return true;
                                 }));
    EXPECT_EQ(gaps, 1);
    // What follows in the run cannot be decoded: the agent is asked for it again, if it has it.
    EXPECT_LT(store->Durable(1, {1, kT0}).count(), 200u);
    ASSERT_OK(store->Flush(10'000));
  }
}

TEST_F(RepairTest, LostJournalFileIsMadeFromTheHistory) {
  fs::remove(options_.dir + "/ronda.db");
  EXPECT_EQ(Count(), 120u);
  ASSERT_OK_AND_ASSIGN(const auto store, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_TRUE(store->FindNode("web1").has_value());
}

TEST_F(RepairTest, LaterVersionIsRefused) {
  Damage("CREATE TABLE later (x); PRAGMA user_version=7");
  EXPECT_THAT(Store::Open(options_, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "later version"));
}

TEST_F(RepairTest, AVersionThatAloneIsChangedIsDamage) {
  Damage("PRAGMA user_version=7");
  EXPECT_THAT(Store::Open(options_, clock_),
              StatusIs(absl::StatusCode::kDataLoss, "it says format 7, and has the tables of"));
  EXPECT_OK(RepairDataFolder(options_.dir, clock_));
  EXPECT_EQ(Count(), 200u);
}

}  // namespace
}  // namespace ronda::store
