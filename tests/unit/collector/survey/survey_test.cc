#include "collector/survey/survey.h"

#include <filesystem>
#include <string>
#include <vector>

#include "collector/store/sqlite_db.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/backup/data_folder.h"

namespace ronda::survey {
namespace {

class SurveyTest : public testing::Test {
 protected:
  void SetUp() override {
    data_.Append(150);
    data_.Seal();
    data_.Append(20);
  }

  std::vector<FileReport> Survey(Depth depth) {
    const auto reports = SurveyFolder(data_.dir(), depth, [](std::string_view) {});
    EXPECT_OK(reports);
    return reports.value_or(std::vector<FileReport>());
  }

  void Damage(const std::string& name, const std::string& sql) {
    data_.Close();
    ASSERT_OK_AND_ASSIGN(const auto db, store::Database::Open(data_.dir() + "/" + name, {}));
    ASSERT_OK(db->Execute(sql));
  }

  const TempDir dir_;
  backup::DataFolder data_{dir_.File("data")};
};

TEST_F(SurveyTest, CountsWhatALiveStoreHolds) {
  const auto reports = Survey(Depth::kStats);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].kind, "journal");
  EXPECT_EQ(reports[1].kind, "recent");
  EXPECT_EQ(reports[1].parts.at("blocks").rows, 2);  // a run has 120 ticks
  EXPECT_EQ(reports[1].samples, 3 * 150);
  EXPECT_EQ(reports[1].oldest_ms, backup::DataFolder::TimeOf(0));
  EXPECT_EQ(reports[1].newest_ms, backup::DataFolder::TimeOf(149));
  EXPECT_EQ(reports[0].newest_ms, backup::DataFolder::TimeOf(169));
  EXPECT_EQ(reports[0].parts.at("state values").rows, 1);
  EXPECT_GT(reports[0].bytes, 0);
}

TEST_F(SurveyTest, FindsNothingWrongWhereNothingIs) {
  for (const FileReport& report : Survey(Depth::kCheck)) {
    EXPECT_EQ(report.problem_count, 0) << report.problems[0];
  }
}

TEST_F(SurveyTest, NamesEachBlockThatIsDamaged) {
  Damage("history/recent.db",
         "UPDATE blocks SET data=substr(data,1,length(data)-3)||x'ffffff' WHERE id=1;"
         "UPDATE blocks SET t_max=t_max+1 WHERE id=2");
  const auto reports = Survey(Depth::kCheck);
  ASSERT_EQ(reports[1].problem_count, 2);
  EXPECT_NE(reports[1].problems[0].find("block 1 (node web1"), std::string::npos)
      << reports[1].problems[0];
  EXPECT_NE(reports[1].problems[1].find("times are not those"), std::string::npos);
  EXPECT_EQ(reports[0].problem_count, 0);
}

TEST_F(SurveyTest, NamesEachRowOfTheJournalThatIsDamaged) {
  Damage("ronda.db",
         "UPDATE journal SET batch=x'00' WHERE id=(SELECT max(id) FROM journal);"
         "UPDATE state SET value=x'616263';"
         "UPDATE meta SET value=x'616263' WHERE key='next_order'");
  const auto reports = Survey(Depth::kCheck);
  ASSERT_EQ(reports[0].problem_count, 3);
  EXPECT_NE(reports[0].problems[0].find("journal row"), std::string::npos);
  EXPECT_NE(reports[0].problems[1].find("next_order"), std::string::npos);
  EXPECT_NE(reports[0].problems[2].find("state alert/key"), std::string::npos);
}

TEST_F(SurveyTest, FindsAnIndexThatDoesNotAgree) {
  Damage("history/recent.db",
         "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name='blocks_by_time'");
  EXPECT_GT(Survey(Depth::kCheck)[1].problem_count, 0);
}

TEST_F(SurveyTest, AFolderWithoutDataIsAnError) {
  EXPECT_THAT(SurveyFolder(dir_.File("none"), Depth::kStats, [](std::string_view) {}),
              StatusIs(absl::StatusCode::kNotFound, "no data of Ronda"));
}

TEST_F(SurveyTest, NamesEachPackedRowThatIsDamaged) {
  data_.Seal();
  data_.Compact();
  const auto before = Survey(Depth::kCheck);
  ASSERT_EQ(before.size(), 6u);  // the first tick belongs to the day before
  EXPECT_EQ(before[2].kind, "raw");
  EXPECT_EQ(before[2].samples + before[3].samples, 3 * 170);
  EXPECT_EQ(before[4].kind, "minute");
  EXPECT_EQ(before[5].kind, "hour");
  for (const FileReport& report : before) {
    EXPECT_EQ(report.problem_count, 0) << report.name << report.problems[0];
  }
  Damage(before[3].name, "UPDATE rows SET data=substr(data,1,length(data)-3)||x'ffffff'");
  Damage(before[4].name, "UPDATE rows SET t_min=t_min+1");
  const auto after = Survey(Depth::kCheck);
  ASSERT_EQ(after[3].problem_count, 1);
  EXPECT_NE(after[3].problems[0].find("series 2: a packed row with a chunk of a wrong checksum"),
            std::string::npos)
      << after[3].problems[0];
  ASSERT_GE(after[4].problem_count, 1);
  EXPECT_NE(after[4].problems[0].find("not the one that it says"), std::string::npos);
}

TEST_F(SurveyTest, CountsPackedRecordsAndNamesThoseThatAreDamaged) {
  constexpr int64_t kHourMs = 3'600'000;
  const int64_t t0 = backup::DataFolder::TimeOf(0);
  data_.AppendGaps({t0, t0 + 1, t0 + kHourMs, t0 + kHourMs + 1, t0 + kHourMs + 2});
  data_.Seal();
  data_.Compact();
  const auto before = Survey(Depth::kCheck);
  const FileReport& records = before.back();
  ASSERT_EQ(records.kind, "records");
  EXPECT_EQ(records.parts.at("gap records").rows, 5);
  EXPECT_GT(records.parts.at("gap records").bytes, 100);
  EXPECT_EQ(records.problem_count, 0) << records.problems[0];
  EXPECT_EQ(records.oldest_ms, t0);
  EXPECT_EQ(records.newest_ms, t0 + kHourMs + 2);
  Damage(records.name,
         "UPDATE blocks SET data=substr(data,1,length(data)-3)||x'ffffff' WHERE id=1;"
         "UPDATE blocks SET node='web2' WHERE id=2");
  const auto after = Survey(Depth::kCheck);
  ASSERT_EQ(after.back().problem_count, 2);
  EXPECT_NE(after.back().problems[0].find("block 1 (node web1, kind gap, "), std::string::npos)
      << after.back().problems[0];
  EXPECT_NE(after.back().problems[1].find("not the one its row says"), std::string::npos);
}

TEST_F(SurveyTest, TellsWhatWasRemovedBecauseThereWasTooMuch) {
  Damage("history/recent.db", "INSERT INTO removed_records VALUES('log', 5, 1000, 7)");
  const auto reports = Survey(Depth::kStats);
  EXPECT_EQ(reports[1].removed_records.at("log").rows, 5);
  EXPECT_EQ(reports[1].removed_records.at("log").bytes, 1000);
}

TEST_F(SurveyTest, AFileThatWasPutAsideIsAProblem) {
  data_.Seal();
  data_.Compact();
  data_.Close();
  const std::string name = Survey(Depth::kCheck)[3].name;
  std::filesystem::rename(data_.dir() + "/" + name,
                          data_.dir() + "/" + name + ".damaged-20261120T000000Z");
  const auto reports = Survey(Depth::kCheck);
  ASSERT_EQ(reports.size(), 6u);
  EXPECT_EQ(reports[0].name, name + ".damaged-20261120T000000Z");
  ASSERT_EQ(reports[0].problem_count, 1);
  EXPECT_NE(reports[0].problems[0].find("ronda store repair"), std::string::npos);
}

TEST_F(SurveyTest, ALevelZeroThatAStartPutAsideIsAProblem) {
  data_.Close();
  const std::string name = "history/recent.db.damaged-20261120T000000Z";
  std::filesystem::copy(data_.dir() + "/history/recent.db", data_.dir() + "/" + name);
  const auto reports = Survey(Depth::kCheck);
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].name, name);
  ASSERT_EQ(reports[0].problem_count, 1);
  EXPECT_NE(reports[0].problems[0].find("brought back"), std::string::npos);
}

TEST_F(SurveyTest, AForeignFileIsAProblem) {
  const std::string folder = data_.dir() + "/history/raw";
  std::filesystem::create_directories(folder);
  {
    ASSERT_OK_AND_ASSIGN(const auto db, store::Database::Open(folder + "/x.db", {}));
    ASSERT_OK(db->Execute("CREATE TABLE t(a)"));
  }
  const auto reports = Survey(Depth::kCheck);
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[2].name, "history/raw/x.db");
  EXPECT_GT(reports[2].problem_count, 0);
}

}  // namespace
}  // namespace ronda::survey
