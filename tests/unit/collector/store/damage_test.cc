// What damage to the files of level 1 costs, and how it is told of and repaired.

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

struct Gap {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  std::string group;
  std::string detail;
};

class DamageTest : public StoreTest {
 protected:
  // Two windows of 120 ticks each, packed; the store is closed.
  void SetUp() override {
    Open();
    Append(1);
    Append(7'201);
    SealAndCompact();
    store_.reset();
    ASSERT_TRUE(fs::exists(Raw()));
  }
  void Append(int64_t first_tick, int64_t n = 120) {
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, first_tick, n);
    ++epoch_.id;
    next_seq_ = 1;
  }
  void SealAndCompact() {
    ASSERT_OK(store_->Flush(5000));
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
  }
  std::string Raw() const { return options_.dir + "/history/raw/20261120T00-24h.db"; }
  std::string Minute() const {
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history/minute")) {
      if (entry.path().extension() == ".db") {
        return entry.path().string();
      }
    }
    return "";
  }
  // Names in history/raw with `part` in them.
  std::vector<std::string> Named(const std::string& part) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history/raw")) {
      const std::string name = entry.path().filename().string();
      if (name.find(part) != std::string::npos) {
        names.push_back(name);
      }
    }
    return names;
  }
  std::vector<Gap> Gaps() const {
    std::vector<Gap> gaps;
    EXPECT_OK(store_->ScanRecords(
        GapRecord().name, "web1", 0, kForever, [&](std::string_view, const Record& row) {
          EXPECT_EQ(std::get<std::string>(row.values[3]), "corrupt");
          gaps.push_back({std::get<int64_t>(row.values[0]), std::get<int64_t>(row.values[1]),
                          std::get<std::string>(row.values[2]),
                          std::get<std::string>(row.values[4])});
          return true;
        }));
    return gaps;
  }
  // Runs SQL on a file while nobody has it.
  static void Run(const std::string& path, const std::string& sql) {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(path, {}));
    ASSERT_OK(db->Execute(sql));
  }
  std::string Repair() {
    store_.reset();
    const absl::StatusOr<std::string> report = RepairDataFolder(options_.dir, clock_);
    EXPECT_OK(report);
    return report.value_or("");
  }
};

TEST_F(DamageTest, ADamagedRowIsOneGapHoweverOftenItIsRead) {
  const size_t at = FindBytes(Raw(), "RS01");
  ASSERT_NE(at, std::string::npos);
  FlipByte(Raw(), at + 14);  // in the header of a row
  for (int again = 0; again < 2; ++again) {
    Open();
    const Samples got = SelectOne("m1");
    EXPECT_TRUE(got == Ticks(1, 120, 1) || got == Ticks(7'201, 120, 1));
    SelectOne("m2");
    EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
    store_.reset();  // writes what has been found
  }
  Open();
  const std::vector<Gap> gaps = Gaps();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].group, "host");
  EXPECT_TRUE((gaps[0].from_ms == kT0 + 1000 && gaps[0].to_ms == kT0 + 120'000) ||
              (gaps[0].from_ms == kT0 + 7'201'000 && gaps[0].to_ms == kT0 + 7'320'000));
  EXPECT_NE(gaps[0].detail.find("20261120T00-24h.db: a row of 3 series"), std::string::npos)
      << gaps[0].detail;
}

TEST_F(DamageTest, ADamagedSeriesIsNamedAndTheOthersAreRead) {
  const size_t at = FindBytes(Raw(), "RS01");
  const std::string bytes = FileBytes(Raw());
  const size_t header =
      static_cast<uint8_t>(bytes[at + 4]) + 256U * static_cast<uint8_t>(bytes[at + 5]);
  FlipByte(Raw(), at + 12 + header + 3);  // in the first chunk
  Open();
  EXPECT_EQ(SelectOne("m0").size(), 120u);
  EXPECT_EQ(SelectOne("m1").size(), 240u);
  ASSERT_OK(store_->CompactNow());
  const std::vector<Gap> gaps = Gaps();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_NE(gaps[0].detail.find("m0{"), std::string::npos) << gaps[0].detail;
}

TEST_F(DamageTest, CompactionRewritesAWindowWithoutWhatIsDamaged) {
  const size_t at = FindBytes(Raw(), "RS01");
  FlipByte(Raw(), at + 14);
  Open();
  Append(301);  // both windows get late samples
  Append(7'501);
  SealAndCompact();
  EXPECT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(SelectOne("m1").size(), 360u);
  EXPECT_EQ(Repair().find("lost"), std::string::npos);
}

TEST_F(DamageTest, AFileThatCannotBeOpenedIsPutAsideAtTheStartAndBroughtBackByARepair) {
  Overwrite(Raw(), 0, 4096);
  Open();
  EXPECT_EQ(Named(".damaged-").size(), 1u);
  EXPECT_TRUE(SelectOne("m1").empty());
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 1);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].group, "");
  // The folder is of use: late samples of the same windows come, one of them with another value.
  Append(61);
  SealAndCompact();
  EXPECT_EQ(SelectOne("m1"), Ticks(61, 120, 1));
  const std::string report = Repair();
  EXPECT_NE(report.find("saved 2 rows"), std::string::npos) << report;
  EXPECT_TRUE(Named(".damaged-").empty()) << report;
  EXPECT_EQ(Named(".corrupt-").size(), 2u) << report;
  Open();
  Samples all = Ticks(1, 180, 1);
  for (const auto& sample : Ticks(7'201, 120, 1)) {
    all.push_back(sample);
  }
  EXPECT_EQ(SelectOne("m1"), all);
}

TEST_F(DamageTest, TheFirstOfTwoSamplesStaysWhenAFileIsBroughtBack) {
  Overwrite(Raw(), 0, 4096);
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  AppendValues(&maker, 60, {-1, -1, -1});
  AppendValues(&maker, 130, {-2, -2, -2});
  SealAndCompact();
  Repair();
  Open();
  Samples expected = Ticks(1, 120, 1);
  expected.emplace_back(kT0 + 130'000, -2);
  const Samples got = SelectOne("m1");
  ASSERT_EQ(got.size(), 241u);
  EXPECT_EQ(Samples(got.begin(), got.begin() + 121), expected);
}

TEST_F(DamageTest, AFileThatIsNotThereIsNoMatter) {
  fs::remove(Raw());
  fs::remove(Minute());
  Open();
  EXPECT_TRUE(SelectOne("m1").empty());
  Append(301);
  SealAndCompact();
  EXPECT_EQ(SelectOne("m1"), Ticks(301, 120, 1));
}

TEST_F(DamageTest, CompactionPutsAFileAsideThatItCannotWriteTo) {
  int64_t root = 0;
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(Raw(), {}));
    ASSERT_OK_AND_ASSIGN(
        root, db->QueryInt("SELECT rootpage FROM sqlite_schema WHERE name='rows_by_pair'"));
  }
  Overwrite(Raw(), static_cast<uint64_t>(root - 1) * 4096, 4096);
  Open();
  Append(301);
  SealAndCompact();
  EXPECT_EQ(Named(".damaged-").size(), 1u);
  EXPECT_EQ(SelectOne("m1"), Ticks(301, 120, 1));
  EXPECT_EQ(store_->Stats().blocks, 0);
  // Nothing but the index was damaged.
  Repair();
  Open();
  EXPECT_EQ(SelectOne("m1").size(), 360u);
}

TEST_F(DamageTest, ARepairSavesTheOtherSeriesAndNamesWhatIsLost) {
  for (const std::string& path : {Raw(), Minute()}) {
    const size_t at = FindBytes(path, "RS01");
    const std::string bytes = FileBytes(path);
    const size_t header =
        static_cast<uint8_t>(bytes[at + 4]) + 256U * static_cast<uint8_t>(bytes[at + 5]);
    FlipByte(path, at + 12 + header + 3);
  }
  const std::string report = Repair();
  EXPECT_NE(report.find("lost: history/raw/20261120T00-24h.db: m0{"), std::string::npos) << report;
  EXPECT_NE(report.find("lost: history/minute/"), std::string::npos) << report;
  EXPECT_NE(report.find("node web1, group host"), std::string::npos) << report;
  EXPECT_EQ(Named(".corrupt-").size(), 1u);
  clock_.Advance(5000);
  const std::string again = Repair();
  EXPECT_EQ(again.find("lost"), std::string::npos) << again;
  EXPECT_EQ(Named(".corrupt-").size(), 1u);
  Open();
  EXPECT_EQ(SelectOne("m0").size(), 120u);
  EXPECT_EQ(SelectOne("m1").size(), 240u);
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_NE(Gaps()[0].detail.find("m0{"), std::string::npos) << Gaps()[0].detail;
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 0);
}

TEST_F(DamageTest, ADamagedSchemaLosesItsRowsAndSaysSo) {
  Run(Raw(), "UPDATE schemas SET data=x'00'");
  Open();
  EXPECT_TRUE(SelectOne("m1").empty());
  ASSERT_OK(store_->CompactNow());
  ASSERT_EQ(Gaps().size(), 1u);
  EXPECT_EQ(Gaps()[0].group, "host");
  EXPECT_EQ(Gaps()[0].from_ms, kT0 + 1000);
  EXPECT_EQ(Gaps()[0].to_ms, kT0 + 7'320'000);
}

TEST_F(DamageTest, AReadOnlyStoreLeavesFilesWhereTheyAre) {
  Overwrite(Raw(), 0, 4096);
  ASSERT_OK_AND_ASSIGN(const auto reader, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_TRUE(Select(*reader, {Matcher::Equal("__name__", "m1")}).empty());
  EXPECT_EQ(reader->Stats().counters.corrupt_blocks, 1);
  EXPECT_TRUE(Named(".damaged-").empty());
}

}  // namespace
}  // namespace ronda::store
