#include "collector/backup/backup.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collector/backup/restore.h"
#include "collector/backup/verify.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/sqlite_recent_db.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/collector/backup/data_folder.h"

namespace ronda::backup {
namespace {

namespace fs = std::filesystem;

const Progress kQuiet = [](std::string_view, int64_t, int64_t) {};

class BackupTest : public testing::Test {
 protected:
  absl::StatusOr<BackupResult> Make() {
    BackupOptions options;
    options.data_dir = data_.dir();
    options.backup_dir = backup_;
    return MakeBackup(options, data_.clock());
  }

  absl::StatusOr<RestoreResult> RestoreTo(const std::string& dir, bool replace = false) {
    RestoreOptions options;
    options.backup_dir = backup_;
    options.data_dir = dir;
    options.replace = replace;
    return Restore(options, data_.clock());
  }

  void ExpectWhole() {
    ASSERT_OK_AND_ASSIGN(const VerifyResult verified, VerifyBackup(backup_, kQuiet));
    EXPECT_EQ(verified.problem_count, 0) << verified.problems[0];
  }

  std::set<std::string> FilesOfBackup() {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(backup_)) {
      if (entry.is_regular_file()) {
        names.insert(entry.path().lexically_relative(backup_).string());
      }
    }
    return names;
  }

  static void FlipByte(const std::string& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x10));
  }

  const TempDir dir_;
  const std::string backup_ = dir_.File("backup");
  DataFolder data_{dir_.File("data")};
};

TEST_F(BackupTest, HoldsJournalAndBlocksOfAStoreThatRuns) {
  data_.Append(200);
  data_.Seal();
  data_.Append(30);
  ASSERT_OK_AND_ASSIGN(const BackupResult result, Make());
  EXPECT_TRUE(result.manifest.live);
  EXPECT_EQ(result.copied_files, 2);
  data_.Append(10);
  ExpectWhole();
  ASSERT_OK(RestoreTo(dir_.File("restored")));
  EXPECT_EQ(data_.CountIn(dir_.File("restored"), data_.ticks()), 230);
}

TEST_F(BackupTest, HoldsAStoreThatStopped) {
  data_.Append(100);
  data_.Close();
  ASSERT_OK_AND_ASSIGN(const BackupResult result, Make());
  EXPECT_FALSE(result.manifest.live);
  ExpectWhole();
  ASSERT_OK(RestoreTo(dir_.File("restored")));
  EXPECT_EQ(data_.CountIn(dir_.File("restored"), 100), 100);
}

TEST_F(BackupTest, ASealAndATrimBetweenTheTwoFilesLoseNothing) {
  data_.Append(130);
  data_.Seal();
  data_.Append(50);
  BackupOptions options;
  options.data_dir = data_.dir();
  options.backup_dir = backup_;
  options.between_for_test = [&] {
    data_.Seal();
    data_.Append(20);
    data_.Seal();
  };
  ASSERT_OK(MakeBackup(options, data_.clock()));
  ExpectWhole();
  const std::string restored = dir_.File("restored");
  ASSERT_OK(RestoreTo(restored));
  EXPECT_EQ(data_.CountIn(restored, 180), 180);
  {
    // Numbers that blocks hold are not given again, or the order of samples would be open.
    ASSERT_OK_AND_ASSIGN(const auto recent, store::RecentDb::Open(restored + "/history/recent.db"));
    ASSERT_OK_AND_ASSIGN(const uint64_t last, recent->LastOrder());
    ASSERT_OK_AND_ASSIGN(const auto journal, store::JournalDb::Open(restored + "/ronda.db", 0));
    ASSERT_OK_AND_ASSIGN(const int64_t next, journal->Meta(store::kMetaNextOrder, 0));
    EXPECT_GT(next, static_cast<int64_t>(last));
  }
  DataFolder again(restored);
  again.Append(5);
  again.Seal();
  again.Close();
  EXPECT_EQ(data_.CountIn(restored, 180), 180);
}

TEST_F(BackupTest, BackupsOfABusyStoreMissNothing) {
  std::atomic<bool> stop = false;
  std::atomic<int> acknowledged = 0;
  std::thread writer([&] {
    for (int i = 0; !stop && !HasFailure(); ++i) {
      data_.Append(5);
      acknowledged = data_.ticks();
      if (i % 7 == 0) {
        data_.Seal();
      }
    }
  });
  for (int round = 0; round < 8; ++round) {
    const int before = acknowledged;
    EXPECT_OK(Make());
    fs::remove_all(dir_.File("restored"));
    EXPECT_OK(RestoreTo(dir_.File("restored")));
    EXPECT_EQ(data_.CountIn(dir_.File("restored"), before), before);
  }
  stop = true;
  writer.join();
  EXPECT_GT(acknowledged, 0);
}

TEST_F(BackupTest, TheSecondCopiesOnlyWhatChanged) {
  data_.Append(10);
  data_.WriteHistory("raw/20261118.db", "a");
  data_.WriteHistory("raw/20261119.db", "b");
  data_.WriteHistory("hour/2026.db", "c");
  ASSERT_OK_AND_ASSIGN(const BackupResult first, Make());
  EXPECT_EQ(first.copied_files, 5);
  data_.Append(10);
  data_.WriteHistory("raw/20261119.db", "late");
  data_.WriteHistory("raw/20261120.db", "new");
  fs::remove(data_.dir() + "/history/raw/20261118.db");
  ASSERT_OK_AND_ASSIGN(const BackupResult second, Make());
  EXPECT_EQ(second.copied_files, 4);  // the two live ones, 19 and 20
  EXPECT_EQ(second.kept_files, 1);
  EXPECT_EQ(second.removed_files, 3);  // 18, ronda.db and 19 as they were; recent.db is the same
  EXPECT_EQ(second.manifest.Find("history/raw/20261118.db"), nullptr);
  ExpectWhole();
  EXPECT_EQ(FilesOfBackup().size(), 5u + 2u);  // with MANIFEST.json and LOCK
  ASSERT_OK(RestoreTo(dir_.File("restored")));
  for (const char* name : {"raw/20261119.db", "raw/20261120.db", "hour/2026.db"}) {
    EXPECT_TRUE(fs::exists(dir_.File("restored") + "/history/" + name)) << name;
  }
}

TEST_F(BackupTest, TakesAHistoryFileThatIsBeingWritten) {
  data_.Append(1);
  data_.WriteHistory("raw/20261119.db", "a");
  ASSERT_OK_AND_ASSIGN(const auto writer,
                       store::Database::Open(data_.dir() + "/history/raw/20261119.db", {}));
  // While this connection is there, what others write stays in the -wal.
  ASSERT_OK(writer->QueryInt("SELECT count(*) FROM sources"));
  data_.WriteHistory("raw/20261119.db", "in the wal");
  ASSERT_OK(Make());
  ExpectWhole();
  ASSERT_OK(RestoreTo(dir_.File("restored")));
  ASSERT_OK_AND_ASSIGN(
      const auto restored,
      store::Database::Open(dir_.File("restored") + "/history/raw/20261119.db", {}));
  ASSERT_OK_AND_ASSIGN(const int64_t rows, restored->QueryInt("SELECT count(*) FROM sources"));
  EXPECT_EQ(rows, 2);
}

// The process dies at any point of a second backup: the first is whole, or the second is, and the
// next one succeeds.
TEST_F(BackupTest, AnInterruptedBackupLeavesTheOneBefore) {
  data_.Append(50);
  data_.WriteHistory("raw/20261119.db", "a");
  ASSERT_OK(Make());
  data_.Append(50);
  data_.WriteHistory("raw/20261119.db", "b");
  data_.WriteHistory("raw/20261120.db", "c");
  data_.Close();
  for (int at = 1;; ++at) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      int calls = 0;
      BackupOptions options;
      options.data_dir = data_.dir();
      options.backup_dir = backup_;
      options.progress = [&](std::string_view, int64_t, int64_t) {
        if (++calls == at) {
          _exit(9);
        }
      };
      _exit(MakeBackup(options, data_.clock()).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ExpectWhole();
    fs::remove_all(dir_.File("restored"));
    ASSERT_OK(RestoreTo(dir_.File("restored")));
    if (WEXITSTATUS(status) == 0) {
      EXPECT_GT(at, 4);
      EXPECT_EQ(data_.CountIn(dir_.File("restored"), 100), 100);
      break;
    }
    ASSERT_EQ(WEXITSTATUS(status), 9);
    EXPECT_EQ(data_.CountIn(dir_.File("restored"), 100), 50);
  }
  for (const std::string& name : FilesOfBackup()) {
    EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
  }
}

TEST_F(BackupTest, VerifyFindsAnyFlippedByte) {
  data_.Append(150);
  data_.Seal();
  data_.Append(20);
  ASSERT_OK(Make());
  const uint64_t seed = RandomBits();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const std::string& name : FilesOfBackup()) {
    if (name == "LOCK") {
      continue;
    }
    const std::string path = backup_ + "/" + name;
    const uint64_t size = fs::file_size(path);
    for (int i = 0; i < 15; ++i) {
      const uint64_t at = random() % size;
      FlipByte(path, at);
      const absl::StatusOr<VerifyResult> verified = VerifyBackup(backup_, kQuiet);
      const bool found = verified.ok() ? verified->problem_count > 0 : true;
      EXPECT_TRUE(found) << name << " at " << at;
      if (verified.ok()) {
        EXPECT_NE(verified->problems[0].find(name), std::string::npos) << verified->problems[0];
        EXPECT_THAT(RestoreTo(dir_.File("restored")),
                    StatusIs(absl::StatusCode::kDataLoss, "is damaged"));
        EXPECT_FALSE(fs::exists(dir_.File("restored")));
      }
      FlipByte(path, at);
    }
  }
  ExpectWhole();
}

TEST_F(BackupTest, ADamagedManifestIsReplacedByTheNextBackup) {
  data_.Append(5);
  ASSERT_OK(Make());
  FlipByte(backup_ + "/MANIFEST.json", 50);
  EXPECT_THAT(VerifyBackup(backup_, kQuiet),
              StatusIs(absl::StatusCode::kDataLoss, "MANIFEST.json"));
  ASSERT_OK(Make());
  ExpectWhole();
}

TEST_F(BackupTest, VerifyNamesAFileThatIsGone) {
  data_.Append(5);
  ASSERT_OK_AND_ASSIGN(const BackupResult made, Make());
  fs::remove(backup_ + "/" + made.manifest.Find("history/recent.db")->stored);
  ASSERT_OK_AND_ASSIGN(const VerifyResult verified, VerifyBackup(backup_, kQuiet));
  ASSERT_GE(verified.problem_count, 1);
  EXPECT_NE(verified.problems[0].find("history/recent.db"), std::string::npos);
}

TEST_F(BackupTest, TakesNoFolderThatIsSomethingElse) {
  data_.Append(1);
  fs::create_directory(backup_);
  std::ofstream(backup_ + "/thesis.tex") << "years of work";
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kFailedPrecondition, "thesis.tex"));
  BackupOptions options;
  options.data_dir = data_.dir();
  options.backup_dir = data_.dir() + "/backup";
  EXPECT_THAT(MakeBackup(options, data_.clock()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "lies in the data folder"));
  EXPECT_FALSE(fs::exists(options.backup_dir));
  options.data_dir = dir_.File("nothing");
  options.backup_dir = dir_.File("other");
  EXPECT_THAT(MakeBackup(options, data_.clock()),
              StatusIs(absl::StatusCode::kNotFound, "holds no data"));
}

TEST_F(BackupTest, TakesNoBackupOfAnotherFolder) {
  data_.Append(1);
  ASSERT_OK(Make());
  DataFolder other(dir_.File("other"));
  other.Append(1);
  BackupOptions options;
  options.data_dir = other.dir();
  options.backup_dir = backup_;
  EXPECT_THAT(MakeBackup(options, data_.clock()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "take another folder"));
}

TEST_F(BackupTest, RestoreKeepsWhatIsThere) {
  data_.Append(40);
  ASSERT_OK(Make());
  data_.Append(40);
  EXPECT_THAT(RestoreTo(data_.dir()), StatusIs(absl::StatusCode::kFailedPrecondition, "--replace"));
  EXPECT_THAT(RestoreTo(data_.dir(), true),
              StatusIs(absl::StatusCode::kFailedPrecondition, "another process"));
  data_.Close();
  ASSERT_OK_AND_ASSIGN(const RestoreResult restored, RestoreTo(data_.dir(), true));
  ASSERT_NE(restored.safety_copy, "");
  EXPECT_EQ(data_.CountIn(data_.dir(), 80), 40);
  EXPECT_EQ(data_.CountIn(restored.safety_copy, 80), 80);
  // Once more, in the same second.
  ASSERT_OK_AND_ASSIGN(const RestoreResult again, RestoreTo(data_.dir(), true));
  EXPECT_NE(again.safety_copy, restored.safety_copy);
}

TEST_F(BackupTest, RestoreTakesAnEmptyFolderAndNoOther) {
  data_.Append(3);
  ASSERT_OK(Make());
  fs::create_directory(dir_.File("empty"));
  std::ofstream(dir_.File("empty") + "/LOCK") << "1\n";
  ASSERT_OK(RestoreTo(dir_.File("empty")));
  EXPECT_EQ(data_.CountIn(dir_.File("empty"), 3), 3);
  fs::create_directory(dir_.File("full"));
  std::ofstream(dir_.File("full") + "/notes") << "mine";
  EXPECT_THAT(RestoreTo(dir_.File("full"), true),
              StatusIs(absl::StatusCode::kFailedPrecondition, "other things"));
}

// The files of an authority and the tokens, as far as a backup looks at them.
void WriteAccess(const std::string& data_dir, const std::string& what) {
  fs::create_directories(data_dir + "/trust");
  for (const std::string_view name : kAccessNames) {
    const std::string path = data_dir + "/" + std::string(name);
    std::ofstream(path) << what << name;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  }
}

void ExpectAccess(const std::string& dir, const std::string& what) {
  EXPECT_EQ(fs::status(dir + "/trust").permissions(), fs::perms::owner_all);
  for (const std::string_view name : kAccessNames) {
    const std::string path = dir + "/" + std::string(name);
    EXPECT_EQ(ReadFile(path).value_or(""), what + std::string(name));
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << path;
  }
}

TEST_F(BackupTest, HoldsTheAuthorityForItsOwnerAlone) {
  data_.Append(5);
  WriteAccess(data_.dir(), "one ");
  ASSERT_OK_AND_ASSIGN(const BackupResult made, Make());
  ExpectWhole();
  std::string key;
  for (const ManifestFile& file : made.manifest.files) {
    if (IsAccessName(file.name)) {
      const std::string stored = backup_ + "/" + file.stored;
      EXPECT_EQ(fs::status(stored).permissions(), fs::perms::owner_read | fs::perms::owner_write)
          << stored;
      key = IsSecretName(file.name) ? stored : key;
    }
  }
  EXPECT_EQ(fs::status(backup_ + "/trust").permissions(), fs::perms::owner_all);
  ASSERT_OK(RestoreTo(dir_.File("new")));
  ExpectAccess(dir_.File("new"), "one ");
  // The next backup holds the same once, not twice.
  const std::set<std::string> files = FilesOfBackup();
  ASSERT_OK(Make());
  EXPECT_EQ(FilesOfBackup().size(), files.size());

  fs::permissions(key, fs::perms::group_read, fs::perm_options::add);
  ASSERT_OK_AND_ASSIGN(const VerifyResult open, VerifyBackup(backup_, kQuiet));
  EXPECT_EQ(open.problem_count, 1);
  EXPECT_NE(open.problems.front().find("chmod 600"), std::string::npos) << open.problems.front();
}

TEST_F(BackupTest, ARestoreTakesTheTokensOfTheBackupOrElseKeepsThem) {
  data_.Append(5);
  ASSERT_OK(Make());
  const std::string other = dir_.File("other");
  const std::string tokens = other + "/" + std::string(kTokensName);
  fs::create_directories(other);
  std::ofstream(tokens) << "of the folder";
  EXPECT_THAT(RestoreTo(other), StatusIs(absl::StatusCode::kFailedPrecondition, "--replace"));
  ASSERT_OK(RestoreTo(other, true));
  EXPECT_EQ(ReadFile(tokens).value_or(""), "of the folder");
  EXPECT_FALSE(fs::exists(other + "/trust"));

  std::ofstream(data_.dir() + "/" + std::string(kTokensName)) << "of the backup";
  ASSERT_OK(Make());
  ExpectWhole();
  ASSERT_OK(RestoreTo(other, true));
  EXPECT_EQ(ReadFile(tokens).value_or(""), "of the backup");
  EXPECT_EQ(fs::status(tokens).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(BackupTest, ARestoreKeepsAnAuthorityThatTheBackupLacks) {
  data_.Append(5);
  ASSERT_OK(Make());
  const std::string other = dir_.File("other");
  WriteAccess(other, "two ");
  // A folder with an authority is no empty one.
  EXPECT_THAT(RestoreTo(other), StatusIs(absl::StatusCode::kFailedPrecondition, "--replace"));
  ASSERT_OK(RestoreTo(other, true));
  ExpectAccess(other, "two ");
  // One that is in the backup is what is restored.
  WriteAccess(data_.dir(), "one ");
  ASSERT_OK(Make());
  ASSERT_OK(RestoreTo(other, true));
  ExpectAccess(other, "one ");
}

TEST_F(BackupTest, ADrillReadsEverythingAndLeavesNothing) {
  data_.Append(300);
  data_.Seal();
  data_.Append(20);
  ASSERT_OK(Make());
  const std::string scratch = dir_.File("scratch");
  ASSERT_OK_AND_ASSIGN(const DrillResult drill, Drill(backup_, scratch, kQuiet, data_.clock()));
  EXPECT_EQ(drill.nodes, 1);
  EXPECT_EQ(drill.series, 3);
  EXPECT_EQ(drill.samples, 3 * 320);
  EXPECT_EQ(drill.oldest_ms, DataFolder::TimeOf(0));
  EXPECT_EQ(drill.newest_ms, DataFolder::TimeOf(319));
  EXPECT_EQ(drill.alerts_active, 1);
  EXPECT_EQ(drill.damaged_parts, 0);
  EXPECT_TRUE(fs::is_empty(scratch));
}

}  // namespace
}  // namespace ronda::backup
