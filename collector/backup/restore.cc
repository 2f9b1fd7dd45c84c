#include "collector/backup/restore.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "collector/backup/verify.h"
#include "collector/store/folder_lock.h"
#include "collector/store/store.h"
#include "collector/survey/survey.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::backup {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWindowMs = 2 * 3'600'000;

// Copies the files of a backup that was verified into `to`, and holds the copies to the manifest.
absl::Status CopyAll(const std::string& backup_dir, const Manifest& manifest, const std::string& to,
                     const Progress& progress) {
  std::set<std::string> folders = {to};
  RONDA_RETURN_IF_ERROR(MakeDirectories(to));
  for (const ManifestFile& file : manifest.files) {
    const std::string path = to + "/" + file.name;
    for (fs::path folder = fs::path(path).parent_path(); folders.insert(folder.string()).second;
         folder = folder.parent_path()) {
    }
    const bool access = IsAccessName(file.name);
    RONDA_RETURN_IF_ERROR(MakeDirectories(fs::path(path).parent_path().string(),
                                          access && file.name != kTokensName ? 0700 : 0750));
    RONDA_RETURN_IF_ERROR(CopyFile(backup_dir + "/" + file.stored, path, "restoring " + file.name,
                                   progress, access ? kSecretMode : 0640)
                              .status());
    RONDA_ASSIGN_OR_RETURN(const FileDigest digest,
                           HashFile(path, "reading back " + file.name, progress));
    if (digest.sha256 != file.sha256) {
      return Fail(absl::StatusCode::kDataLoss, "{}: is not what was copied from {}", path,
                  file.stored);
    }
  }
  for (const std::string& folder : folders) {
    RONDA_RETURN_IF_ERROR(SyncFolder(folder));
  }
  return absl::OkStatus();
}

absl::StatusOr<Manifest> Verified(const std::string& backup_dir, const Progress& progress) {
  RONDA_ASSIGN_OR_RETURN(VerifyResult verified, VerifyBackup(backup_dir, progress));
  if (verified.problem_count > 0) {
    return Fail(absl::StatusCode::kDataLoss,
                "the backup {} is damaged ({} problems; see `ronda backup verify {}`): {}",
                backup_dir, verified.problem_count, backup_dir, verified.problems[0]);
  }
  return std::move(verified.manifest);
}

bool IsThere(const std::string& dir, std::string_view name) {
  std::error_code error;
  return fs::exists(dir + "/" + std::string(name), error);
}

bool HasTrust(const std::string& dir) { return IsThere(dir, "trust/ca.pem"); }

bool HasData(const std::string& dir) {
  return !survey::StoreFiles(dir).empty() || HasTrust(dir) || IsThere(dir, kTokensName);
}

// Takes over the authority of the folder that is replaced, if the backup has none (it is of a
// version that left it out, or of a collector in plain text): a collector that made a new one would
// be a stranger to all its agents. The tokens likewise.
absl::Status KeepAccess(const std::string& dir, const std::string& to, const Progress& progress) {
  const bool keep_trust = HasTrust(dir) && !HasTrust(to);
  const bool keep_tokens = !IsThere(to, kTokensName);
  if (keep_trust) {
    RONDA_RETURN_IF_ERROR(MakeDirectories(to + "/trust", 0700));
  }
  for (const std::string_view access_name : kAccessNames) {
    const std::string name(access_name);
    if ((name == kTokensName ? keep_tokens : keep_trust) && IsThere(dir, name)) {
      RONDA_RETURN_IF_ERROR(
          CopyFile(dir + "/" + name, to + "/" + name, "keeping " + name, progress, kSecretMode)
              .status());
    }
  }
  if (keep_trust) {
    RONDA_RETURN_IF_ERROR(SyncFolder(to + "/trust"));
  }
  return SyncFolder(to);
}

// Whether there is nothing in a folder but a lock file.
bool IsEmpty(const std::string& dir) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    if (entry.path().filename() != "LOCK") {
      return false;
    }
  }
  return true;
}

std::string SafetyName(const std::string& dir, int64_t now_ms) {
  const auto seconds = static_cast<std::time_t>(now_ms / 1000);
  const std::string name =
      fmt::format("{}.before-restore-{:%Y%m%dT%H%M%SZ}", dir, fmt::gmtime(seconds));
  std::error_code error;
  std::string free = name;
  for (int i = 2; fs::exists(free, error); ++i) {
    free = fmt::format("{}-{}", name, i);
  }
  return free;
}

// Gives all of `dir` the owner, and `dir` the mode, of a folder as it was.
absl::Status TakeOwner(const std::string& dir, const struct stat& of) {
  if (chmod(dir.c_str(), of.st_mode & 07777U) != 0) {
    return ErrnoStatus(errno, "setting the mode of " + dir);
  }
  if (of.st_uid == geteuid() && of.st_gid == getegid()) {
    return absl::OkStatus();
  }
  std::error_code error;
  std::set<std::string> paths = {dir};
  for (const auto& entry : fs::recursive_directory_iterator(dir, error)) {
    paths.insert(entry.path().string());
  }
  for (const std::string& path : paths) {
    if (lchown(path.c_str(), of.st_uid, of.st_gid) != 0) {
      return ErrnoStatus(errno, "giving " + path + " the owner of the folder before");
    }
  }
  return absl::OkStatus();
}

// Gives `restored` the name `dir`. A folder that is there is empty or goes aside to `safety`.
absl::Status PutInPlace(const std::string& restored, const std::string& dir,
                        const std::string& safety) {
  const std::string parent = fs::path(dir).parent_path().string();
  std::error_code error;
  if (!safety.empty()) {
    RONDA_RETURN_IF_ERROR(RenameFile(dir, safety));
  } else {
    fs::remove(dir + "/LOCK", error);
  }
  const absl::Status status = RenameFile(restored, dir);
  if (!status.ok() && !safety.empty()) {
    fs::rename(safety, dir, error);
  }
  RONDA_RETURN_IF_ERROR(status);
  return SyncFolder(parent.empty() ? "." : parent);
}

class Reading {
 public:
  Reading(const std::string& dir, const Clock& clock, DrillResult* result)
      : dir_(dir), clock_(clock), result_(*result) {}

  absl::Status Run(const Progress& progress) {
    const int64_t start = clock_.MonotonicMs();
    RONDA_ASSIGN_OR_RETURN(store_, store::Store::OpenReadOnly(dir_, clock_));
    result_.nodes = static_cast<int64_t>(store_->Nodes().size());
    result_.open_ms = clock_.MonotonicMs() - start;
    RONDA_RETURN_IF_ERROR(FindSpan());
    RONDA_RETURN_IF_ERROR(CountSamples(progress));
    RONDA_RETURN_IF_ERROR(CountAlerts());
    const store::StoreCounters counters = store_->Stats().counters;
    result_.damaged_parts = counters.corrupt_blocks + counters.corrupt_journal_rows;
    result_.read_ms = clock_.MonotonicMs() - start - result_.open_ms;
    return absl::OkStatus();
  }

 private:
  absl::Status FindSpan() {
    RONDA_ASSIGN_OR_RETURN(const auto reports, survey::SurveyFolder(dir_, survey::Depth::kStats,
                                                                    [](std::string_view) {}));
    std::optional<int64_t> oldest;
    std::optional<int64_t> newest;
    for (const survey::FileReport& report : reports) {
      if (report.oldest_ms) {
        oldest = oldest ? std::min(*oldest, *report.oldest_ms) : *report.oldest_ms;
        newest = newest ? std::max(*newest, *report.newest_ms) : *report.newest_ms;
      }
    }
    result_.oldest_ms = oldest.value_or(0);
    result_.newest_ms = newest.value_or(0);
    return absl::OkStatus();
  }

  // In windows, so that memory does not grow with the time that the backup covers.
  absl::Status CountSamples(const Progress& progress) {
    RONDA_ASSIGN_OR_RETURN(const Matcher any,
                           Matcher::New(Matcher::Type::kNotEqual, "__name__", ""));
    if (result_.newest_ms == 0) {
      return absl::OkStatus();
    }
    RONDA_ASSIGN_OR_RETURN(const auto series,
                           store_->Series({any}, result_.oldest_ms, result_.newest_ms));
    result_.series = static_cast<int64_t>(series.size());
    for (int64_t from = result_.oldest_ms; from <= result_.newest_ms; from += kWindowMs) {
      progress("reading all samples", from - result_.oldest_ms,
               result_.newest_ms - result_.oldest_ms + 1);
      RONDA_RETURN_IF_ERROR(
          store_->Select({any}, from, std::min(from + kWindowMs - 1, result_.newest_ms),
                         [&](const store::SeriesView& view) {
                           result_.samples += static_cast<int64_t>(view.t_ms.size());
                           return true;
                         }));
    }
    return absl::OkStatus();
  }

  absl::Status CountAlerts() {
    RONDA_RETURN_IF_ERROR(store_->ScanRecords("alert", "", 0, std::numeric_limits<int64_t>::max(),
                                              [&](std::string_view, const Record&) {
                                                ++result_.alert_events;
                                                return true;
                                              }));
    return store_->ScanState("alert",
                             [&](std::string_view, std::string_view) { ++result_.alerts_active; });
  }

  const std::string& dir_;
  const Clock& clock_;
  DrillResult& result_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace

absl::StatusOr<RestoreResult> Restore(const RestoreOptions& options, const Clock& clock) {
  std::error_code error;
  const std::string dir = (fs::weakly_canonical(options.data_dir, error) / "").parent_path();
  const bool exists = fs::exists(dir, error);
  std::optional<store::FolderLock> lock;
  struct stat before {};
  if (exists) {
    if (stat(dir.c_str(), &before) != 0 || !S_ISDIR(before.st_mode)) {
      return Fail(absl::StatusCode::kFailedPrecondition, "{} is not a folder", dir);
    }
    if (HasData(dir) && !options.replace) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "{} holds data: with --replace it is moved aside to {} first", dir,
                  SafetyName(dir, clock.NowMs()));
    }
    if (!HasData(dir) && !IsEmpty(dir)) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "{} holds other things than data of Ronda; take another folder", dir);
    }
    RONDA_ASSIGN_OR_RETURN(store::FolderLock taken, store::FolderLock::Take(dir));
    lock = std::move(taken);
  }
  RestoreResult result;
  RONDA_ASSIGN_OR_RETURN(result.manifest, Verified(options.backup_dir, options.progress));
  const std::string work = fmt::format("{}.restoring-{}", dir, getpid());
  const auto cleanup = absl::MakeCleanup([&work] {
    std::error_code ignored;
    fs::remove_all(work, ignored);
  });
  RONDA_RETURN_IF_ERROR(MakeDirectories(fs::path(dir).parent_path().string()));
  RONDA_RETURN_IF_ERROR(CheckSpace(fs::path(dir).parent_path(), result.manifest.TotalBytes()));
  RONDA_RETURN_IF_ERROR(CopyAll(options.backup_dir, result.manifest, work, options.progress));
  const auto opened = store::Store::OpenReadOnly(work, clock);
  if (!opened.ok()) {
    return Annotate(opened.status(), "opening what was restored");
  }
  if (exists) {
    RONDA_RETURN_IF_ERROR(KeepAccess(dir, work, options.progress));
    RONDA_RETURN_IF_ERROR(TakeOwner(work, before));
  }
  if (HasData(dir)) {
    result.safety_copy = SafetyName(dir, clock.NowMs());
  }
  RONDA_RETURN_IF_ERROR(PutInPlace(work, dir, result.safety_copy));
  return result;
}

absl::StatusOr<DrillResult> Drill(const std::string& backup_dir, const std::string& scratch_dir,
                                  const Progress& progress, const Clock& clock) {
  DrillResult result;
  const int64_t start = clock.MonotonicMs();
  RONDA_ASSIGN_OR_RETURN(result.manifest, Verified(backup_dir, progress));
  RONDA_RETURN_IF_ERROR(CheckSpace(scratch_dir, result.manifest.TotalBytes()));
  RONDA_RETURN_IF_ERROR(MakeDirectories(scratch_dir));
  std::string scratch = scratch_dir + "/ronda-drill-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) {
    return ErrnoStatus(errno, "making a folder in " + scratch_dir);
  }
  const auto cleanup = absl::MakeCleanup([&scratch] {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  });
  RONDA_RETURN_IF_ERROR(CopyAll(backup_dir, result.manifest, scratch, progress));
  result.restore_ms = clock.MonotonicMs() - start;
  RONDA_RETURN_IF_ERROR(Reading(scratch, clock, &result).Run(progress));
  return result;
}

}  // namespace ronda::backup
