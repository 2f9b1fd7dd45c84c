// Repair of a data folder: what can be read and has the right checksum goes into new files, which
// take the place of the damaged ones; those are kept beside them.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/folder_lock.h"
#include "collector/store/journal_row.h"
#include "collector/store/repair_journal.h"
#include "collector/store/repair_recent.h"
#include "collector/store/repair_records.h"
#include "collector/store/replay.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/store.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

// Puts `replacement` in the place of `path`, which is kept, with its -wal, under a name that says
// since when. Whatever moment this is interrupted at, `path` is the old file or the new one.
absl::StatusOr<std::string> Replace(const std::string& path, const std::string& replacement,
                                    int64_t now_ms) {
  const std::time_t seconds = static_cast<std::time_t>(now_ms / 1000);
  const std::string kept = fmt::format("{}.corrupt-{:%Y%m%dT%H%M%SZ}", path, fmt::gmtime(seconds));
  std::error_code error;
  fs::remove(kept, error);
  fs::create_hard_link(path, kept, error);
  if (!error && fs::exists(path + "-wal")) {
    fs::rename(path + "-wal", kept + "-wal", error);
  }
  if (!error) {
    std::error_code ignored;
    fs::remove(path + "-shm", ignored);
    fs::rename(replacement, path, error);
  }
  if (error) {
    return Fail(absl::StatusCode::kUnknown, "putting {} aside: {}", path, error.message());
  }
  return kept;
}

bool IsSoundJournal(const std::string& path) {
  std::error_code error;
  if (fs::file_size(path, error) == 0) {
    return false;  // cut to nothing
  }
  const absl::StatusOr<std::unique_ptr<JournalDb>> db = JournalDb::Open(path, 0);
  if (!db.ok() || !(*db)->Check().ok()) {
    return false;
  }
  Catalogue catalogue;
  bool rows = true;
  const absl::Status read =
      (*db)->ForEachJournalRow([&](int64_t id, std::string_view bytes) -> absl::Status {
        rows = rows && DecodeJournalRow(id, bytes).ok();
        return absl::OkStatus();
      });
  return read.ok() && rows && LoadCatalogue(db->get(), &catalogue).ok() &&
         (*db)->Meta(kMetaLastCommit, 0).ok() && (*db)->Meta(kMetaNextOrder, 0).ok() &&
         (*db)
             ->ForEachEpoch([](NodeId node, uint64_t epoch, std::string_view data) {
               return DecodeEpochRow(node, epoch, data).status();
             })
             .ok();
}

// The files of history/records/.
absl::StatusOr<std::string> RepairRecords(const std::string& dir, const std::string& work,
                                          int64_t now_ms) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir + "/history/records", ignored)) {
    if (entry.path().extension() == ".db") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::string report;
  for (const std::string& path : paths) {
    if (IsSoundRecords(path)) {
      report += fmt::format("{}: in order, left as it is\n", path);
      continue;
    }
    RONDA_ASSIGN_OR_RETURN(const std::string facts, RebuildRecords(path, work));
    RONDA_ASSIGN_OR_RETURN(const std::string kept, Replace(path, work + "/records.db", now_ms));
    report += facts + fmt::format("the damaged file is kept as {}\n", kept);
  }
  return report;
}

}  // namespace

absl::StatusOr<std::string> RepairDataFolder(const std::string& dir, const Clock& clock) {
  const std::string journal = dir + "/ronda.db";
  const std::string recent = dir + "/history/recent.db";
  if (!fs::exists(dir)) {
    return Fail(absl::StatusCode::kNotFound, "repairing {}: there is no such folder", dir);
  }
  RONDA_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(dir));
  const std::string work = dir + "/repair.tmp";
  std::error_code error;
  fs::remove_all(work, error);
  RONDA_RETURN_IF_ERROR(MakeDirectories(work));
  const auto cleanup = absl::MakeCleanup([&work] {
    std::error_code ignored;
    fs::remove_all(work, ignored);
  });

  std::string report;
  if (fs::exists(recent)) {
    if (IsSoundRecent(recent)) {
      report += fmt::format("{}: in order, left as it is\n", recent);
    } else {
      RONDA_ASSIGN_OR_RETURN(const std::string facts, RebuildRecent(recent, work));
      RONDA_ASSIGN_OR_RETURN(const std::string kept,
                             Replace(recent, work + "/recent.db", clock.NowMs()));
      report += facts + fmt::format("the damaged file is kept as {}\n", kept);
    }
  }
  if (!fs::exists(journal)) {
    report += fmt::format("{}: not there; the collector makes it from the history\n", journal);
  } else if (IsSoundJournal(journal)) {
    report += fmt::format("{}: in order, left as it is\n", journal);
  } else {
    RONDA_ASSIGN_OR_RETURN(const std::string facts, RebuildJournal(journal, recent, work));
    RONDA_ASSIGN_OR_RETURN(const std::string kept,
                           Replace(journal, work + "/ronda.db", clock.NowMs()));
    report += facts + fmt::format("the damaged file is kept as {}\n", kept);
  }
  RONDA_ASSIGN_OR_RETURN(const std::string records, RepairRecords(dir, work, clock.NowMs()));
  return report + records;
}

}  // namespace ronda::store
