#include "collector/backup/live_files.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "collector/store/sqlite_journal_db.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/store/sqlite_recent_db.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::backup {
namespace {

// A file as it is at the moment of Open.
class Pinned {
 public:
  absl::Status Open(const std::string& path) {
    RONDA_ASSIGN_OR_RETURN(file_, store::ReadOnlyFile::Open(path));
    RONDA_ASSIGN_OR_RETURN(db_, file_->Connect());
    RONDA_RETURN_IF_ERROR(db_->Execute("BEGIN"));
    // The first read is what pins.
    return db_->QueryInt("SELECT count(*) FROM sqlite_schema").status();
  }

  absl::Status CopyTo(const std::string& path, std::string_view what, const Progress& progress) {
    RONDA_RETURN_IF_ERROR(
        db_->CopyTo(path, [&](int64_t done, int64_t all) { progress(what, done, all); }));
    return SyncFile(path);
  }

 private:
  std::unique_ptr<store::ReadOnlyFile> file_;
  std::unique_ptr<store::Database> db_;  // goes before the file
};

// The next frame's order after all that are in either copy.
absl::Status RaiseOrder(const std::string& journal_path, const std::string& recent_path) {
  uint64_t last = 0;
  {
    RONDA_ASSIGN_OR_RETURN(const auto recent, store::RecentDb::Open(recent_path));
    RONDA_ASSIGN_OR_RETURN(last, recent->LastOrder());
  }
  RONDA_ASSIGN_OR_RETURN(const auto journal, store::JournalDb::Open(journal_path, 0));
  RONDA_ASSIGN_OR_RETURN(const int64_t next, journal->Meta(store::kMetaNextOrder, 0));
  // 0: never trimmed. Then recovery asks recent.db itself.
  if (next == 0 || next > static_cast<int64_t>(last)) {
    return absl::OkStatus();
  }
  store::TrimContent content;
  RONDA_ASSIGN_OR_RETURN(content.through_commit, journal->Meta(store::kMetaLastCommit, 0));
  content.next_order = last + 1;
  return journal->Trim(content);
}

}  // namespace

absl::Status CopyLiveFiles(const LiveCopy& copy) {
  Pinned journal;
  RONDA_RETURN_IF_ERROR(journal.Open(copy.data_dir + "/ronda.db"));
  copy.between_for_test();
  Pinned recent;
  const absl::Status opened = recent.Open(copy.data_dir + "/history/recent.db");
  if (!opened.ok() && !absl::IsNotFound(opened)) {
    return opened;
  }
  RONDA_RETURN_IF_ERROR(journal.CopyTo(copy.journal_to, "copying ronda.db", copy.progress));
  if (!opened.ok()) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(recent.CopyTo(copy.recent_to, "copying history/recent.db", copy.progress));
  RONDA_RETURN_IF_ERROR(RaiseOrder(copy.journal_to, copy.recent_to));
  RONDA_RETURN_IF_ERROR(SyncFile(copy.journal_to));
  return SyncFile(copy.recent_to);
}

}  // namespace ronda::backup
