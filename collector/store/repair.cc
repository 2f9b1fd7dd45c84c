// Repair of a data folder: what can be read and has the right checksum goes into new files, which
// take the place of the damaged ones; those are kept beside them.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/file_replace.h"
#include "collector/store/folder_lock.h"
#include "collector/store/repair_journal.h"
#include "collector/store/repair_recent.h"
#include "collector/store/repair_records.h"
#include "collector/store/repair_segment.h"
#include "collector/store/segment_span.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/sqlite_recent_db.h"
#include "collector/store/sqlite_record_db.h"
#include "collector/store/sqlite_segment_db.h"
#include "collector/store/store.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> DatabasesIn(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".db") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// What a later version wrote is not damaged: nothing of it may be taken for that and left out.
absl::Status RefuseLaterVersions(const std::string& dir) {
  const std::string history = dir + "/history";
  RONDA_RETURN_IF_ERROR(JournalDb::CheckNotLater(dir + "/ronda.db"));
  RONDA_RETURN_IF_ERROR(RecentDb::CheckNotLater(history + "/recent.db"));
  for (const char* const level : {"/raw", "/minute", "/hour"}) {
    for (const std::string& path : DatabasesIn(history + level)) {
      RONDA_RETURN_IF_ERROR(SegmentDb::CheckNotLater(path));
    }
  }
  for (const std::string& path : DatabasesIn(history + "/records")) {
    RONDA_RETURN_IF_ERROR(RecordDb::CheckNotLater(path));
  }
  return absl::OkStatus();
}

// The files of history/records/.
absl::StatusOr<std::string> RepairRecords(const std::string& dir, const std::string& work,
                                          int64_t now_ms) {
  std::string report;
  for (const std::string& path : DatabasesIn(dir + "/history/records")) {
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

// A start has brought back what can be read of files that it put aside.
absl::StatusOr<std::string> KeepRecentAside(const std::string& recent, int64_t now_ms) {
  std::string report;
  const fs::path path(recent);
  std::vector<std::string> aside;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), error)) {
    if (NameBeforeAside(entry.path().filename().string()) == path.filename().string()) {
      aside.push_back(entry.path().string());
    }
  }
  std::sort(aside.begin(), aside.end());
  for (const std::string& name : aside) {
    const std::string kept = KeptName(recent, now_ms);
    fs::rename(name, kept);
    if (fs::exists(name + "-wal")) {
      fs::rename(name + "-wal", kept + "-wal");
    }
    report += fmt::format(
        "{} is kept as {}: a start of the collector has brought back what can be read of it\n",
        name, kept);
  }
  return report;
}

// Repairs the files of level 1, and adds what is lost to `lost`.
class LevelOneRepair {
 public:
  LevelOneRepair(std::string dir, std::string work, int64_t now_ms)
      : dir_(std::move(dir)), work_(std::move(work)), now_ms_(now_ms) {}

  absl::Status Run() {
    RONDA_RETURN_IF_ERROR(Folder("raw", kRawSpans, false));
    RONDA_RETURN_IF_ERROR(Folder("minute", kMinuteSpans, true));
    return Folder("hour", kHourSpans, true);
  }
  std::string TakeReport() { return std::move(report_); }
  std::vector<CorruptPart> TakeLost() { return std::move(lost_); }

 private:
  absl::Status Folder(const std::string& level, std::span<const int64_t> spans, bool rollups) {
    const std::string folder = fmt::format("{}/history/{}", dir_, level);
    // By the file's name, those that were put aside under it, oldest first.
    std::map<std::string, std::set<std::string>> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      const std::string_view before = NameBeforeAside(name);
      if (!before.empty()) {
        files[std::string(before)].insert(entry.path().string());
      } else if (name.ends_with(".db")) {
        files[name];
      }
    }
    int64_t sound = 0;
    for (const auto& [name, aside] : files) {
      const std::optional<SegmentSpan> span = ParseSegmentFileName(name, spans);
      if (!span) {
        continue;
      }
      const SegmentName segment{fmt::format("history/{}/{}", level, name), *span, rollups};
      const std::string path = folder + "/" + name;
      if (aside.empty() && IsSoundSegment(path, segment)) {
        ++sound;
      } else {
        RONDA_RETURN_IF_ERROR(File(path, segment, {aside.begin(), aside.end()}));
      }
    }
    if (sound > 0) {
      report_ += fmt::format("{}: {} {} in order, left as {}\n", folder, sound,
                             sound == 1 ? "file" : "files", sound == 1 ? "it is" : "they are");
    }
    return absl::OkStatus();
  }

  absl::Status File(const std::string& path, const SegmentName& name,
                    std::vector<std::string> sources) {
    const size_t aside = sources.size();
    if (fs::exists(path)) {
      sources.push_back(path);
    }
    for (const char* suffix : {"", "-wal", "-shm"}) {
      fs::remove(work_ + "/segment.db" + suffix);
    }
    RONDA_ASSIGN_OR_RETURN(SegmentRepair repair, RebuildSegment(sources, name, work_));
    report_ += repair.report;
    std::move(repair.lost.begin(), repair.lost.end(), std::back_inserter(lost_));
    if (aside < sources.size()) {
      RONDA_ASSIGN_OR_RETURN(const std::string kept, Replace(path, work_ + "/segment.db", now_ms_));
      report_ += fmt::format("the damaged file is kept as {}\n", kept);
    } else {
      fs::rename(work_ + "/segment.db", path);
    }
    for (size_t i = 0; i < aside; ++i) {
      // Not to be brought back again.
      const std::string kept = KeptName(path, now_ms_);
      fs::rename(sources[i], kept);
      if (fs::exists(sources[i] + "-wal")) {
        fs::rename(sources[i] + "-wal", kept + "-wal");
      }
      report_ += fmt::format("{} is kept as {}\n", sources[i], kept);
    }
    return absl::OkStatus();
  }

  const std::string dir_;
  const std::string work_;
  const int64_t now_ms_;
  std::string report_;
  std::vector<CorruptPart> lost_;
};

// A store that is opened and closed again writes them.
absl::Status WriteGaps(const std::string& dir, std::vector<CorruptPart> lost, const Clock& clock) {
  Store::Options options;
  options.dir = dir;
  options.manual_seal = true;
  options.lost_in_repair = std::move(lost);
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(options, clock));
  return store->Flush(60'000);
}

absl::StatusOr<std::string> RepairFiles(const std::string& dir, const Clock& clock,
                                        std::vector<CorruptPart>* lost) {
  const std::string journal = dir + "/ronda.db";
  const std::string recent = dir + "/history/recent.db";
  if (!fs::exists(dir)) {
    return Fail(absl::StatusCode::kNotFound, "repairing {}: there is no such folder", dir);
  }
  RONDA_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(dir));
  RONDA_RETURN_IF_ERROR(RefuseLaterVersions(dir));
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
      RONDA_ASSIGN_OR_RETURN(RecentRepair facts, RebuildRecent(recent, work));
      RONDA_ASSIGN_OR_RETURN(const std::string kept,
                             Replace(recent, work + "/recent.db", clock.NowMs()));
      report += facts.report + fmt::format("the damaged file is kept as {}\n", kept);
      std::move(facts.lost.begin(), facts.lost.end(), std::back_inserter(*lost));
    }
  }
  RONDA_ASSIGN_OR_RETURN(const std::string aside, KeepRecentAside(recent, clock.NowMs()));
  report += aside;
  if (!fs::exists(journal)) {
    report += fmt::format("{}: not there; the collector makes it from the history\n", journal);
  } else if (IsSoundJournal(journal, true)) {
    report += fmt::format("{}: in order, left as it is\n", journal);
  } else {
    RONDA_ASSIGN_OR_RETURN(const std::string facts, RebuildJournal(journal, recent, work));
    RONDA_ASSIGN_OR_RETURN(const std::string kept,
                           Replace(journal, work + "/ronda.db", clock.NowMs()));
    report += facts + fmt::format("the damaged file is kept as {}\n", kept);
  }
  LevelOneRepair level(dir, work, clock.NowMs());
  const absl::Status status = level.Run();
  std::vector<CorruptPart> of_level = level.TakeLost();
  std::move(of_level.begin(), of_level.end(), std::back_inserter(*lost));
  report += level.TakeReport();
  RONDA_RETURN_IF_ERROR(status);
  RONDA_ASSIGN_OR_RETURN(const std::string records, RepairRecords(dir, work, clock.NowMs()));
  return report + records;
}

}  // namespace

absl::StatusOr<std::string> RepairDataFolder(const std::string& dir, const Clock& clock) {
  std::vector<CorruptPart> lost;
  absl::StatusOr<std::string> report;
  try {
    report = RepairFiles(dir, clock, &lost);
  } catch (const fs::filesystem_error& error) {
    report = Fail(absl::StatusCode::kUnknown, "repairing {}: {}", dir, error.what());
  }
  if (report.ok() && !lost.empty()) {
    const absl::Status gaps = WriteGaps(dir, std::move(lost), clock);
    *report += gaps.ok() ? "`ronda gaps` shows what is lost\n"
                         : fmt::format("writing gaps of what is lost failed: {}\n", Message(gaps));
  }
  return report;
}

}  // namespace ronda::store
