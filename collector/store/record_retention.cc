#include "collector/store/record_retention.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

int64_t EndMs(int64_t hour) { return (hour + 1) * kRecordHourMs; }

}  // namespace

absl::StatusOr<std::vector<RecordRetention::FileTotals>> RecordRetention::ReadTotals() const {
  std::vector<FileTotals> files;
  for (const std::shared_ptr<RecordFiles::File>& file : files_.All()) {
    RONDA_ASSIGN_OR_RETURN(std::vector<RecordKindTotals> kinds, files_.Totals(*file));
    files.push_back({file, std::move(kinds)});
  }
  return files;
}

bool RecordRetention::IsPast(const RecordKindTotals& kind) const {
  const int64_t keep_ms = options_.Of(kind.kind).keep_ms;
  return keep_ms > 0 && EndMs(kind.last_hour) < clock_.NowMs() - keep_ms;
}

bool RecordRetention::IsPast(const FileTotals& file) const {
  if (!file.kinds.empty()) {
    return std::all_of(file.kinds.begin(), file.kinds.end(),
                       [&](const RecordKindTotals& kind) { return IsPast(kind); });
  }
  // Empty, or damaged so that nobody knows: it may have had any kind.
  int64_t longest_ms = options_.others.keep_ms;
  bool for_ever = longest_ms == 0;
  for (const auto& [kind, limits] : options_.kinds) {
    longest_ms = std::max(longest_ms, limits.keep_ms);
    for_ever |= limits.keep_ms == 0;
  }
  return !for_ever && RecordFiles::SpanOf(*file.file).end_ms() < clock_.NowMs() - longest_ms;
}

int64_t RecordRetention::LimitOf(const std::string& kind) const {
  const int64_t own = options_.Of(kind).max_bytes;
  const int64_t share = max_history_bytes_ / 8;
  return own == 0 ? share : share == 0 ? own : std::min(own, share);
}

absl::Status RecordRetention::RemoveOldFiles() {
  RONDA_ASSIGN_OR_RETURN(const std::vector<FileTotals> files, ReadTotals());
  for (const FileTotals& file : files) {
    if (IsPast(file)) {
      obs::Info("store", "removing {}: its records are older than what is kept",
                RecordFiles::PathOf(*file.file));
      RONDA_RETURN_IF_ERROR(files_.Remove(file.file));
    }
  }
  return absl::OkStatus();
}

absl::Status RecordRetention::RemoveKinds() {
  RONDA_ASSIGN_OR_RETURN(std::vector<FileTotals> files, ReadTotals());
  std::map<std::string, int64_t> bytes;
  for (FileTotals& file : files) {
    std::vector<std::string> past;
    std::erase_if(file.kinds, [&](const RecordKindTotals& kind) {
      if (IsPast(kind)) {
        past.push_back(kind.kind);
        return true;
      }
      bytes[kind.kind] += kind.bytes;
      return false;
    });
    if (!past.empty()) {
      RONDA_RETURN_IF_ERROR(files_.RemoveKinds(file.file.get(), past));
    }
  }
  for (const auto& [kind, total] : bytes) {
    const int64_t limit = LimitOf(kind);
    if (limit > 0 && total > limit) {
      RONDA_RETURN_IF_ERROR(RemoveTooMany(kind, total - limit, &files));
    }
  }
  return absl::OkStatus();
}

absl::Status RecordRetention::RemoveTooMany(const std::string& kind, int64_t excess,
                                            std::vector<FileTotals>* files) {
  RecordKindTotals removed;
  for (auto file = files->begin(); file != files->end() && removed.bytes < excess;) {
    const auto has =
        std::find_if(file->kinds.begin(), file->kinds.end(),
                     [&](const RecordKindTotals& totals) { return totals.kind == kind; });
    if (has == file->kinds.end()) {
      ++file;
      continue;
    }
    const int64_t excess_left = excess - removed.bytes;
    if (has->bytes <= excess_left && file->kinds.size() == 1) {
      removed.records += has->records;
      removed.bytes += has->bytes;
      removed.last_hour = has->last_hour;
      RONDA_RETURN_IF_ERROR(files_.Remove(file->file));
      file = files->erase(file);
      continue;
    }
    RONDA_RETURN_IF_ERROR(files_.RemoveOldest(file->file.get(), kind, excess_left, &removed));
    if (has->bytes <= excess_left) {
      file->kinds.erase(has);
    }
    ++file;
  }
  if (removed.records == 0) {
    return absl::OkStatus();
  }
  const int64_t through_ms = EndMs(removed.last_hour);
  obs::Warn(
      "store",
      "removed the oldest {} records of kind {} ({} bytes, up to {}): there are more "
      "than retention.records allows",
      removed.records, kind, removed.bytes,
      absl::FormatTime("%Y-%m-%dT%H:%MZ", absl::FromUnixMillis(through_ms), absl::UTCTimeZone()));
  return history_.AddRemovedRecords({kind, removed.records, removed.bytes, through_ms});
}

}  // namespace ronda::store
