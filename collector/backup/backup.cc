#include "collector/backup/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "collector/backup/live_files.h"
#include "collector/store/folder_lock.h"
#include "collector/store/sqlite_db.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/survey/survey.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kJournal = "ronda.db";
constexpr std::string_view kRecent = "history/recent.db";

// Tries again when the compaction was at a file meanwhile.
constexpr int kAttempts = 5;

std::string HostName() {
  char name[256] = "";
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

// What says that a closed file has not changed.
struct Stamp {
  int64_t bytes = 0;
  int64_t mtime_ns = 0;
  bool closed = false;  // no WAL with content beside it
  bool operator==(const Stamp&) const = default;
};

absl::StatusOr<Stamp> StampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "opening " + path);
  }
  struct stat wal {};
  const bool has_wal = stat((path + "-wal").c_str(), &wal) == 0 && wal.st_size > 0;
  return Stamp{info.st_size, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, !has_wal};
}

class Backup {
 public:
  Backup(const BackupOptions& options, const Clock& clock) : options_(options), clock_(clock) {}

  absl::StatusOr<BackupResult> Run() {
    absl::StatusOr<BackupResult> result = Take();
    if (lock_) {
      // A part of a copy must not take the space that the next one needs.
      Remove([](const std::string& name) { return IsTemporaryName(name); });
    }
    return result;
  }

 private:
  absl::StatusOr<BackupResult> Take() {
    RONDA_RETURN_IF_ERROR(CheckFolders());
    RONDA_RETURN_IF_ERROR(MakeDirectories(options_.backup_dir));
    absl::StatusOr<store::FolderLock> lock = store::FolderLock::Take(options_.backup_dir);
    if (!lock.ok()) {
      return Annotate(lock.status(), "another backup may be running");
    }
    lock_ = *std::move(lock);
    RONDA_RETURN_IF_ERROR(ReadBefore());
    Manifest& now = result_.manifest;
    now.ronda_version = std::string(Version());
    now.host = HostName();
    now.data_dir = data_dir_;
    now.started_ms = clock_.NowMs();
    now.live = store::FolderLock::IsHeld(options_.data_dir);
    // In the order in which data moves on: see CopyLiveFiles and StoreFiles.
    RONDA_RETURN_IF_ERROR(TakeLive());
    for (const std::string& name : survey::StoreFiles(options_.data_dir)) {
      if (name != kJournal && name != kRecent && IsStoreName(name)) {
        RONDA_RETURN_IF_ERROR(TakeClosed(name));
      }
    }
    RONDA_RETURN_IF_ERROR(TakeAccess());
    if (!now.live && store::FolderLock::IsHeld(options_.data_dir)) {
      return Fail(absl::StatusCode::kUnavailable,
                  "backing up {}: a collector started meanwhile; try again", options_.data_dir);
    }
    now.finished_ms = clock_.NowMs();
    RONDA_RETURN_IF_ERROR(SyncFolders());
    RONDA_RETURN_IF_ERROR(WriteManifest(options_.backup_dir, now));
    std::set<std::string> named;
    for (const ManifestFile& file : now.files) {
      named.insert(file.stored);
    }
    result_.removed_files = Remove(
        [&](const std::string& name) { return IsStoredName(name) && !named.contains(name); });
    return std::move(result_);
  }

  absl::Status CheckFolders() {
    std::error_code error;
    if (!fs::exists(options_.data_dir + "/ronda.db", error)) {
      return Fail(absl::StatusCode::kNotFound, "{} holds no data of Ronda", options_.data_dir);
    }
    const fs::path data = fs::weakly_canonical(options_.data_dir, error);
    const fs::path to = fs::weakly_canonical(options_.backup_dir, error);
    data_dir_ = data.string();
    if ((to / "").string().starts_with((data / "").string())) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "{} lies in the data folder {}: what destroys one destroys the other",
                  options_.backup_dir, options_.data_dir);
    }
    return absl::OkStatus();
  }

  absl::Status ReadBefore() {
    absl::StatusOr<Manifest> before = ReadManifest(options_.backup_dir);
    if (before.ok()) {
      if (before->host != HostName() || before->data_dir != data_dir_) {
        return Fail(absl::StatusCode::kFailedPrecondition,
                    "{} holds a backup of {} on {}; take another folder", options_.backup_dir,
                    before->data_dir, before->host);
      }
      before_ = std::move(*before);
      return absl::OkStatus();
    }
    if (absl::IsDataLoss(before.status())) {
      // What it says cannot be trusted: copy all, and let the new manifest take its place.
      options_.progress(std::string(Message(before.status())) + "; copying everything", 0, 0);
      return absl::OkStatus();
    }
    if (!absl::IsNotFound(before.status())) {
      return before.status();
    }
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(options_.backup_dir, error)) {
      const std::string name = entry.path().filename().string();
      if (name != "LOCK" && name != "history" && name != "trust" &&
          name != std::string(kManifestName) + ".tmp" && !IsStoredName(name) &&
          !IsTemporaryName(name)) {
        return Fail(absl::StatusCode::kFailedPrecondition,
                    "{} is not empty and holds no backup (there is {}); take another folder",
                    options_.backup_dir, name);
      }
    }
    return absl::OkStatus();
  }

  std::string InBackup(std::string_view name) const {
    return options_.backup_dir + "/" + std::string(name);
  }

  absl::Status MakeFolderOf(const std::string& path) {
    const std::string dir = fs::path(path).parent_path().string();
    folders_.insert(dir);
    return MakeDirectories(dir);
  }

  // A file that lies under its temporary name, durable, gets its place and its line.
  absl::Status Keep(ManifestFile file, const FileDigest& digest) {
    const std::string temporary = InBackup(file.name) + ".tmp";
    file.bytes = digest.bytes;
    file.sha256 = digest.sha256;
    file.change_counter = digest.change_counter;
    file.stored = StoredName(file.name, file.sha256);
    RONDA_RETURN_IF_ERROR(RenameFile(temporary, InBackup(file.stored)));
    ++result_.copied_files;
    result_.copied_bytes += file.bytes;
    result_.manifest.files.push_back(std::move(file));
    return absl::OkStatus();
  }

  absl::Status TakeLive() {
    const int64_t taken_ms = clock_.NowMs();
    LiveCopy copy;
    copy.data_dir = options_.data_dir;
    copy.journal_to = InBackup(kJournal) + ".tmp";
    copy.recent_to = InBackup(kRecent) + ".tmp";
    copy.progress = options_.progress;
    copy.between_for_test = options_.between_for_test;
    int64_t bytes = 0;
    for (const std::string_view name : {kJournal, kRecent}) {
      RONDA_RETURN_IF_ERROR(MakeFolderOf(InBackup(name)));
      RemoveTemporary(name);
      const absl::StatusOr<Stamp> stamp = StampOf(options_.data_dir + "/" + std::string(name));
      bytes += stamp.ok() ? stamp->bytes : 0;
    }
    RONDA_RETURN_IF_ERROR(CheckSpace(options_.backup_dir, bytes));
    RONDA_RETURN_IF_ERROR(CopyLiveFiles(copy));
    for (const std::string_view name : {kJournal, kRecent}) {
      const absl::StatusOr<FileDigest> digest =
          HashFile(InBackup(name) + ".tmp", "reading back " + std::string(name), options_.progress);
      if (absl::IsNotFound(digest.status()) && name == kRecent) {
        continue;
      }
      RONDA_RETURN_IF_ERROR(digest.status());
      ManifestFile file;
      file.name = name;
      file.taken_ms = taken_ms;
      RONDA_RETURN_IF_ERROR(Keep(std::move(file), *digest));
    }
    return absl::OkStatus();
  }

  absl::Status TakeClosed(const std::string& name) {
    const std::string path = options_.data_dir + "/" + name;
    for (int attempt = 1;; ++attempt) {
      const absl::StatusOr<Stamp> stamp = StampOf(path);
      if (absl::IsNotFound(stamp.status())) {
        return absl::OkStatus();  // the retention took it
      }
      RONDA_RETURN_IF_ERROR(stamp.status());
      if (!options_.full && IsKept(name, path, *stamp)) {
        return absl::OkStatus();
      }
      RONDA_RETURN_IF_ERROR(MakeFolderOf(InBackup(name)));
      RemoveTemporary(name);
      RONDA_RETURN_IF_ERROR(CheckSpace(options_.backup_dir, stamp->bytes));
      const absl::StatusOr<FileDigest> digest =
          stamp->closed
              ? CopyFile(path, InBackup(name) + ".tmp", "copying " + name, options_.progress)
              : CopyOpen(path, name);
      if (absl::IsNotFound(digest.status())) {
        return absl::OkStatus();
      }
      RONDA_RETURN_IF_ERROR(digest.status());
      const absl::StatusOr<Stamp> after = StampOf(path);
      if (stamp->closed && after.ok() && *after != *stamp) {
        if (attempt == kAttempts) {
          return Fail(absl::StatusCode::kUnavailable, "copying {}: it changes all the time", path);
        }
        continue;
      }
      ManifestFile file;
      file.name = name;
      file.taken_ms = clock_.NowMs();
      file.source_mtime_ns = stamp->closed ? stamp->mtime_ns : 0;
      return Keep(std::move(file), *digest);
    }
  }

  // The collector's own authority, without which the agents would have to enrol again, and the
  // tokens, without which everybody who reads or sends by HTTP would need a new one. Their files
  // are small, and each is replaced whole if at all.
  absl::Status TakeAccess() {
    for (const std::string_view access_name : kAccessNames) {
      const std::string name(access_name);
      const std::string path = options_.data_dir + "/" + name;
      std::error_code error;
      if (!fs::exists(path, error)) {
        continue;
      }
      if (name != kTokensName) {
        folders_.insert(InBackup("trust"));
        RONDA_RETURN_IF_ERROR(MakeDirectories(InBackup("trust"), 0700));
      }
      RemoveTemporary(name);
      RONDA_ASSIGN_OR_RETURN(const FileDigest digest,
                             CopyFile(path, InBackup(name) + ".tmp", "copying " + name,
                                      options_.progress, kSecretMode));
      ManifestFile file;
      file.name = name;
      file.taken_ms = clock_.NowMs();
      RONDA_RETURN_IF_ERROR(Keep(std::move(file), digest));
    }
    return absl::OkStatus();
  }

  // A history file that the compaction is at.
  absl::StatusOr<FileDigest> CopyOpen(const std::string& path, const std::string& name) {
    const std::string to = InBackup(name) + ".tmp";
    RONDA_ASSIGN_OR_RETURN(const auto file, store::ReadOnlyFile::Open(path));
    RONDA_ASSIGN_OR_RETURN(const auto db, file->Connect());
    RONDA_RETURN_IF_ERROR(db->Execute("BEGIN"));
    const std::string what = "copying " + name;
    RONDA_RETURN_IF_ERROR(
        db->CopyTo(to, [&](int64_t done, int64_t all) { options_.progress(what, done, all); }));
    RONDA_RETURN_IF_ERROR(SyncFile(to));
    return HashFile(to, "reading back " + name, options_.progress);
  }

  // Whether the backup before has the file as it is; then it is taken over.
  bool IsKept(const std::string& name, const std::string& path, const Stamp& stamp) {
    const ManifestFile* const before = before_.Find(name);
    if (before == nullptr || !stamp.closed || before->bytes != stamp.bytes ||
        before->source_mtime_ns != stamp.mtime_ns) {
      return false;
    }
    const absl::StatusOr<std::string> header = ReadFront(path);
    std::error_code error;
    if (!header.ok() || ChangeCounter(*header) != before->change_counter ||
        static_cast<int64_t>(fs::file_size(InBackup(before->stored), error)) != before->bytes) {
      return false;
    }
    result_.manifest.files.push_back(*before);
    ++result_.kept_files;
    return true;
  }

  static absl::StatusOr<std::string> ReadFront(const std::string& path) {
    std::string header(100, '\0');
    std::FILE* const file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr) {
      return ErrnoStatus(errno, "opening " + path);
    }
    header.resize(std::fread(header.data(), 1, header.size(), file));
    std::fclose(file);
    return header;
  }

  void RemoveTemporary(std::string_view name) {
    for (const char* suffix : {".tmp", ".tmp-wal", ".tmp-shm", ".tmp-journal"}) {
      std::error_code ignored;
      fs::remove(InBackup(name) + suffix, ignored);
    }
  }

  absl::Status SyncFolders() {
    folders_.insert(options_.backup_dir);
    std::error_code error;
    if (fs::exists(options_.backup_dir + "/history", error)) {
      folders_.insert(options_.backup_dir + "/history");
    }
    for (const std::string& folder : folders_) {
      RONDA_RETURN_IF_ERROR(SyncFolder(folder));
    }
    return absl::OkStatus();
  }

  // Files of the backup folder, by their path in it.
  int64_t Remove(absl::FunctionRef<bool(const std::string& name)> unwanted) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::recursive_directory_iterator it(options_.backup_dir, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      if (it->is_regular_file(ignored) &&
          unwanted(it->path().lexically_relative(options_.backup_dir).generic_string())) {
        found.push_back(it->path());
      }
    }
    int64_t removed = 0;
    for (const fs::path& path : found) {
      removed += fs::remove(path, error) ? 1 : 0;
    }
    return removed;
  }

  const BackupOptions& options_;
  const Clock& clock_;
  std::string data_dir_;  // absolute
  std::optional<store::FolderLock> lock_;
  Manifest before_;
  BackupResult result_;
  std::set<std::string> folders_;
};

}  // namespace

absl::StatusOr<BackupResult> MakeBackup(const BackupOptions& options, const Clock& clock) {
  return Backup(options, clock).Run();
}

}  // namespace ronda::backup
