#include "collector/store/retention.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "collector/store/segment_span.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

// Room for WALs, and for what comes until the next look: an eighth of the limit, at the most.
constexpr int64_t kMostHeadroom = int64_t{64} << 20;

}  // namespace

absl::Status Retention::RemoveOlder(Segments* segments, int64_t keep_ms) {
  for (const std::shared_ptr<SegmentFile>& file : segments->All()) {
    if (keep_ms > 0 && file->span().end_ms() < clock_.NowMs() - keep_ms) {
      obs::Info("store", "removing {}: older than what is kept", file->path());
      RONDA_RETURN_IF_ERROR(segments->Remove(file));
    }
  }
  return absl::OkStatus();
}

absl::Status Retention::Enforce() {
  RONDA_RETURN_IF_ERROR(RemoveOlder(level_.raw.get(), options_.raw_ms));
  RONDA_RETURN_IF_ERROR(RemoveOlder(level_.minute.get(), options_.minute_ms));
  RONDA_RETURN_IF_ERROR(RemoveOlder(level_.hour.get(), options_.hour_ms));
  RONDA_RETURN_IF_ERROR(records_.RemoveOldFiles());
  RONDA_RETURN_IF_ERROR(RemoveTooMuch());
  // Last, since these write, which a full disk refuses until files are gone.
  RONDA_RETURN_IF_ERROR(records_.RemoveKinds());
  return options_.raw_ms > 0 ? history_.RemovePairs(clock_.NowMs() - options_.raw_ms)
                             : absl::OkStatus();
}

int64_t Retention::WalPages(int64_t max_bytes) {
  constexpr int64_t kPageBytes = 4096;
  return max_bytes <= 0 ? 0 : std::clamp<int64_t>(max_bytes / 64 / kPageBytes, 16, 1000);
}

absl::StatusOr<Retention::Use> Retention::Measure() const {
  RONDA_ASSIGN_OR_RETURN(const int64_t level0, history_.UsedBytes());
  const std::vector<std::shared_ptr<SegmentFile>> raw = level_.raw->All();
  int64_t window_bytes = 0;
  if (!raw.empty()) {
    const SegmentSpan& span = raw.back()->span();
    const int64_t begun = WindowOf(clock_.NowMs()) - span.first_window;
    window_bytes = raw.back()->Bytes() / std::clamp<int64_t>(begun, 1, span.windows);
  }
  MutexLock lock(&state_.mu);
  const auto nodes = std::max<int64_t>(1, static_cast<int64_t>(state_.catalogue.nodes()));
  // The roll-ups are written anew with it: less than a quarter of it.
  return Use{history_.FileBytes() + level_.Bytes(), level0, level0 + window_bytes / nodes * 5 / 4};
}

int64_t Retention::Limit(const Use& use) const {
  const int64_t limit = options_.max_bytes - std::min(options_.max_bytes / 8, kMostHeadroom);
  const int64_t missing = disk_.Missing();
  return missing > 0
             ? std::clamp(use.all() - missing, std::min(limit, options_.max_bytes / 2), limit)
             : limit;
}

absl::StatusOr<bool> Retention::IsTooMuch() const {
  RONDA_ASSIGN_OR_RETURN(const Use use, Measure());
  return limited() && IsTooMuch(use);
}

absl::StatusOr<bool> Retention::IsTight() const {
  RONDA_ASSIGN_OR_RETURN(const int64_t level0, history_.UsedBytes());
  return limited() && level0 > options_.max_bytes / 8;
}

absl::Status Retention::RemoveTooMuch() {
  if (!limited()) {
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(Use use, Measure());
  if (IsTooMuch(use) && history_.FileBytes() - use.level0 > options_.max_bytes / 8) {
    // Level 0 has been larger: its room is not needed there any more.
    RONDA_RETURN_IF_ERROR(history_.ReturnPages());
    RONDA_ASSIGN_OR_RETURN(use, Measure());
  }
  RONDA_RETURN_IF_ERROR(RemoveFiles(&use));
  RONDA_RETURN_IF_ERROR(RemoveWindows(&use));
  return RemoveLevelZero(&use);
}

absl::Status Retention::RemoveFiles(Use* use) {
  const bool full = use->all() > options_.max_bytes / 8 * 7;
  for (Segments* const segments : {level_.raw.get(), level_.minute.get(), level_.hour.get()}) {
    const std::vector<std::shared_ptr<SegmentFile>> files = segments->All();
    // The newest file stays: it is being written.
    for (size_t i = 0; i + 1 < files.size() && IsTooMuch(*use); ++i) {
      const int64_t bytes = files[i]->Bytes();
      obs::Info("store", "removing {} ({} bytes): {}", files[i]->path(), bytes,
                full ? "history is at max_size" : "there is little room on the disk");
      RONDA_RETURN_IF_ERROR(segments->Remove(files[i]));
      use->files -= bytes;
    }
  }
  const std::vector<std::shared_ptr<RecordFiles::File>> records = level_.records->All();
  for (size_t i = 0; i + 1 < records.size() && IsTooMuch(*use); ++i) {
    const std::string& path = RecordFiles::PathOf(*records[i]);
    const int64_t bytes = DatabaseBytes(path);
    obs::Warn("store", "removing {} ({} bytes): history is at max_size without any samples", path,
              bytes);
    RONDA_RETURN_IF_ERROR(level_.records->Remove(records[i]));
    use->files -= bytes;
  }
  return absl::OkStatus();
}

absl::Status Retention::RemoveWindows(Use* use) {
  std::vector<DroppedSamples> dropped;
  for (const bool even_last : {false, true}) {
    for (Segments* const segments : {level_.raw.get(), level_.minute.get(), level_.hour.get()}) {
      const std::vector<std::shared_ptr<SegmentFile>> files = segments->All();
      while (!files.empty() && IsTooMuch(*use)) {
        std::vector<DroppedSamples>* const told =
            even_last && segments == level_.raw.get() ? &dropped : nullptr;
        const absl::StatusOr<bool> removed = files.back()->RemoveOldestWindow(even_last, told);
        if (!removed.ok() && !absl::IsDataLoss(removed.status())) {
          return removed.status();
        }
        if (!removed.ok() || !*removed) {
          break;  // what is damaged is put aside by who writes to it
        }
        RONDA_ASSIGN_OR_RETURN(*use, Measure());
      }
    }
  }
  if (!dropped.empty()) {
    on_dropped_(dropped);
  }
  return absl::OkStatus();
}

absl::Status Retention::RemoveLevelZero(Use* use) {
  if (!IsTooMuch(*use)) {
    return absl::OkStatus();
  }
  // What goes is neither here nor to be packed: it counts twice. More than must be goes, so that
  // not each look removes something.
  const int64_t excess = use->all() - Limit(*use);
  RONDA_ASSIGN_OR_RETURN(const std::vector<RecentDb::RemovedBlock> removed,
                         history_.RemoveOldest(std::max(excess / 2, use->level0 / 4)));
  RONDA_RETURN_IF_ERROR(history_.ReturnPages());
  RONDA_ASSIGN_OR_RETURN(*use, Measure());
  if (const std::vector<DroppedSamples> dropped = Name(removed); !dropped.empty()) {
    on_dropped_(dropped);
  }
  return absl::OkStatus();
}

std::vector<DroppedSamples> Retention::Name(
    const std::vector<RecentDb::RemovedBlock>& blocks) const {
  std::vector<DroppedSamples> dropped;
  MutexLock lock(&state_.mu);
  for (const RecentDb::RemovedBlock& block : blocks) {
    const std::shared_ptr<const SourceEntry> source = state_.catalogue.FindSource(block.source);
    const std::shared_ptr<const SchemaEntry> schema = state_.catalogue.FindSchema(block.schema);
    if (source != nullptr && schema != nullptr) {
      const auto series = static_cast<int64_t>(schema->schema->series.size());
      dropped.push_back({source->row.node_name, source->row.group.name, block.from_ms, block.to_ms,
                         block.ticks * series});
    }
  }
  return dropped;
}

int64_t Retention::SpanWindows(const Segments& level) const {
  if (!limited()) {
    return level.spans().front();
  }
  // What a window of two hours took lately, at most.
  int64_t window_bytes = 0;
  const std::vector<std::shared_ptr<SegmentFile>> files = level.All();
  for (size_t i = files.size() > 3 ? files.size() - 3 : 0; i < files.size(); ++i) {
    const SegmentSpan& span = files[i]->span();
    const int64_t begun = WindowOf(clock_.NowMs()) - span.first_window;
    window_bytes =
        std::max(window_bytes, files[i]->Bytes() / std::clamp<int64_t>(begun, 1, span.windows));
  }
  if (files.empty()) {
    window_bytes = history_.UsedBytes().value_or(0) / (&level == level_.raw.get() ? 1 : 4);
  }
  for (const int64_t windows : level.spans()) {
    if (windows * window_bytes <= options_.max_bytes / 8) {
      return windows;
    }
  }
  return 1;
}

}  // namespace ronda::store
