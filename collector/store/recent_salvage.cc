#include "collector/store/recent_salvage.h"

#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "collector/store/file_replace.h"
#include "collector/store/repair_journal.h"
#include "collector/store/repair_recent.h"
#include "collector/store/sqlite_db.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

std::string FreeAsideName(const std::string& path, int64_t now_ms) {
  for (;; now_ms += 1000) {
    std::string name = AsideName(path, now_ms);
    std::error_code ignored;
    if (!fs::exists(name, ignored)) {
      return name;
    }
  }
}

}  // namespace

absl::StatusOr<std::optional<std::vector<CorruptPart>>> SalvageRecent(const std::string& dir,
                                                                      const absl::Status& why,
                                                                      const Clock& clock) {
  std::error_code error;
  if (!fs::exists(dir + "/history/recent.db", error) || !IsSoundJournal(dir + "/ronda.db", false)) {
    return std::nullopt;
  }
  return PutAsideRecent(dir, why, clock);
}

absl::StatusOr<std::optional<std::vector<CorruptPart>>> PutAsideRecent(const std::string& dir,
                                                                       const absl::Status& why,
                                                                       const Clock& clock) {
  const std::string recent = dir + "/history/recent.db";
  std::error_code error;
  // One that was cut to nothing is a sound new file to SQLite.
  if (DatabaseBytes(recent) > 0 && IsSoundRecent(recent)) {
    return std::nullopt;
  }
  const std::string work = dir + "/repair.tmp";
  fs::remove_all(work, error);
  RONDA_RETURN_IF_ERROR(MakeDirectories(work));
  const auto cleanup = absl::MakeCleanup([&work] {
    std::error_code ignored;
    fs::remove_all(work, ignored);
  });
  RONDA_ASSIGN_OR_RETURN(RecentRepair repair, RebuildRecent(recent, work));
  const std::string aside = FreeAsideName(recent, clock.NowMs());
  RONDA_RETURN_IF_ERROR(ReplaceKeeping(recent, work + "/recent.db", aside));
  obs::Error("store", "put {} aside as {}, it is damaged: {}", recent, aside, Message(why));
  while (!repair.report.empty() && repair.report.back() == '\n') {
    repair.report.pop_back();
  }
  obs::Error("store", "{}{}", repair.report,
             repair.lost.empty() ? "" : "; `ronda gaps` shows what is lost");
  std::vector<CorruptPart> lost(1);
  lost[0].name = aside;
  lost[0].lost_samples = false;
  std::move(repair.lost.begin(), repair.lost.end(), std::back_inserter(lost));
  return lost;
}

}  // namespace ronda::store
