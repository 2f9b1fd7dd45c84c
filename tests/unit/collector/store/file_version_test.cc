// Versions of the files of level 1: earlier ones are read as they are, later ones refused by name.

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

class FileVersionTest : public StoreTest {
 protected:
  // A file of each kind of level 1, and the store closed.
  void MakeFiles() {
    Open();
    FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, 1, 240);
    RecordMaker records(2, GapRecord());
    const Record row{kT0, {kT0, kT0, std::string(), std::string("corrupt"), std::string()}};
    Batch batch;
    batch.node = node_;
    batch.epoch = {99, kT0};
    batch.frames.push_back(records.Make(1, {&row, 1}));
    ASSERT_OK(store_->Append(std::move(batch)));
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(options_.seal_after_ms);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
    store_.reset();
  }

  // The one file of a folder of history/.
  std::string FileIn(const std::string& folder) const {
    std::string path;
    for (const auto& entry : fs::directory_iterator(options_.dir + "/history/" + folder)) {
      if (entry.path().extension() == ".db") {
        EXPECT_TRUE(path.empty());
        path = entry.path().string();
      }
    }
    EXPECT_FALSE(path.empty()) << folder;
    return path;
  }

  static void Execute(const std::string& path, const std::string& sql) {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(path, {}));
    ASSERT_OK(db->Execute(sql));
  }
  static int64_t VersionOf(const std::string& path) {
    const auto db = Database::Open(path, {});
    return db.ok() ? (*db)->QueryInt("PRAGMA user_version").value_or(-1) : -1;
  }

  // As the version before the view wrote them.
  void MakeFirstVersion(const std::string& path) {
    ASSERT_NO_FATAL_FAILURE(Execute(path, "DROP VIEW column_encodings; PRAGMA user_version=1"));
  }
  // As a version to come may write them.
  void MakeLaterVersion(const std::string& path) {
    ASSERT_NO_FATAL_FAILURE(
        Execute(path, "CREATE VIEW more(newest) AS SELECT 6; PRAGMA user_version=3"));
  }

  size_t Gaps(const Store& store) {
    size_t gaps = 0;
    EXPECT_OK(store.ScanRecords("gap", "", 0, kForever, [&](std::string_view, const Record&) {
      ++gaps;
      return true;
    }));
    return gaps;
  }

  const std::vector<std::string> folders_ = {"raw", "minute", "hour", "records"};
};

TEST_F(FileVersionTest, FilesSayTheNewestEncodingThatTheyMayHave) {
  MakeFiles();
  for (const std::string& folder : folders_) {
    SCOPED_TRACE(folder);
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(FileIn(folder), {}));
    EXPECT_EQ(VersionOf(FileIn(folder)), 2);
    ASSERT_OK_AND_ASSIGN(const int64_t newest, db->QueryInt("SELECT newest FROM column_encodings"));
    EXPECT_EQ(newest, 5);
  }
}

TEST_F(FileVersionTest, TheFirstVersionIsReadAndLeftAsItIs) {
  MakeFiles();
  for (const std::string& folder : folders_) {
    MakeFirstVersion(FileIn(folder));
  }
  Open();
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(Gaps(*store_), 1u);
  EXPECT_EQ(store_->Stats().counters.corrupt_blocks, 0);
  store_.reset();
  ASSERT_OK_AND_ASSIGN(store_, Store::OpenReadOnly(options_.dir, clock_));
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
  EXPECT_EQ(Gaps(*store_), 1u);
  store_.reset();
  for (const std::string& folder : folders_) {
    EXPECT_EQ(VersionOf(FileIn(folder)), 1) << folder;
  }
}

TEST_F(FileVersionTest, WritingIntoTheFirstVersionRaisesIt) {
  MakeFiles();
  for (const char* const folder : {"raw", "minute", "hour"}) {
    MakeFirstVersion(FileIn(folder));
  }
  Open();
  FrameMaker maker(1, {"host", "node", ""});
  maker.StartRun(schema_);
  ++epoch_.id;
  next_seq_ = 1;
  AppendTicks(&maker, 241, 120);
  ASSERT_OK(store_->Flush(5000));
  ASSERT_OK(store_->SealNow());
  ASSERT_OK(store_->CompactNow());
  EXPECT_EQ(store_->Stats().blocks, 0);
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 360, 1));
  store_.reset();
  for (const char* const folder : {"raw", "minute", "hour"}) {
    EXPECT_EQ(VersionOf(FileIn(folder)), 2) << folder;
  }
}

TEST_F(FileVersionTest, ALaterVersionIsRefusedByName) {
  MakeFiles();
  const std::string good = dir_.File("good");
  fs::copy(options_.dir, good, fs::copy_options::recursive);
  for (const std::string& folder : folders_) {
    SCOPED_TRACE(folder);
    fs::remove_all(options_.dir);
    fs::copy(good, options_.dir, fs::copy_options::recursive);
    const std::string path = FileIn(folder);
    MakeLaterVersion(path);
    const std::string before = FileBytes(path);
    const std::string why = path + ": written by a later version of Ronda (format 3, this one " +
                            "knows up to 2); run that version again, or move the file away";
    EXPECT_THAT(Store::Open(options_, clock_),
                StatusIs(absl::StatusCode::kFailedPrecondition, why));
    EXPECT_THAT(RepairDataFolder(options_.dir, clock_),
                StatusIs(absl::StatusCode::kFailedPrecondition, why));
    ASSERT_OK_AND_ASSIGN(const auto reader, Store::OpenReadOnly(options_.dir, clock_));
    const absl::Status read =
        folder == "records"
            ? reader->ScanRecords("gap", "", 0, kForever,
                                  [](std::string_view, const Record&) { return true; })
            : reader->Select({Matcher::Equal("__name__", "m1")}, 0, kForever,
                             [](const SeriesView&) { return true; });
    if (folder == "raw" || folder == "records") {
      EXPECT_THAT(read, StatusIs(absl::StatusCode::kFailedPrecondition, why));
    } else {
      EXPECT_OK(read) << "needs no roll-ups";
    }
    EXPECT_EQ(FileBytes(path), before);
    // What the message says to do.
    fs::rename(path, dir_.File("away"));
    EXPECT_OK(Store::Open(options_, clock_));
  }
}

// After a kill -9 the version may be in the -wal alone.
TEST_F(FileVersionTest, ALaterVersionInTheWalIsRefused) {
  MakeFiles();
  const std::string path = FileIn("raw");
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Database::Open(path, {}));
    ASSERT_OK(db->Execute("CREATE VIEW more(newest) AS SELECT 6; PRAGMA user_version=3"));
    ASSERT_EQ(VersionInFileHead(path), std::nullopt);
    for (const char* suffix : {"", "-wal"}) {
      fs::copy(path + suffix, dir_.File(std::string("killed") + suffix));
    }
  }
  for (const char* suffix : {"", "-wal"}) {
    fs::rename(dir_.File(std::string("killed") + suffix), path + suffix);
  }
  EXPECT_THAT(Store::Open(options_, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "written by a later version"));
}

TEST_F(FileVersionTest, AFlippedVersionIsDamageAndNotALaterOne) {
  MakeFiles();
  const std::string path = FileIn("raw");
  FlipByte(path, 62, 1);  // 258
  Open();
  EXPECT_TRUE(SelectOne("m1").empty());
  ASSERT_OK(store_->CompactNow());
  EXPECT_FALSE(fs::exists(path)) << "put aside";
  store_.reset();
  ASSERT_OK(RepairDataFolder(options_.dir, clock_));
  Open();
  EXPECT_EQ(SelectOne("m1"), Ticks(1, 240, 1));
}

}  // namespace
}  // namespace ronda::store
