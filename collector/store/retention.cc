#include "collector/store/retention.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "collector/store/segment_span.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {

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

absl::Status Retention::RemoveTooMuch() {
  if (options_.max_bytes <= 0) {
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(const RecentDb::Totals recent, history_.Totals());
  int64_t total = history_.FileBytes() + recent.bytes + level_.Bytes();
  const int64_t missing = disk_.Missing();
  const int64_t limit =
      missing > 0 ? std::clamp(total - missing, options_.max_bytes / 2, options_.max_bytes)
                  : options_.max_bytes;
  for (Segments* const segments : {level_.raw.get(), level_.minute.get(), level_.hour.get()}) {
    const std::vector<std::shared_ptr<SegmentFile>> files = segments->All();
    // The newest file stays: it is being written.
    for (size_t i = 0; i + 1 < files.size() && total > limit; ++i) {
      const int64_t bytes = files[i]->Bytes();
      obs::Info("store", "removing {} ({} bytes): {}", files[i]->path(), bytes,
                limit < options_.max_bytes ? "there is little room on the disk"
                                           : "history is at max_size");
      RONDA_RETURN_IF_ERROR(segments->Remove(files[i]));
      total -= bytes;
    }
  }
  const std::vector<std::shared_ptr<RecordFiles::File>> records = level_.records->All();
  for (size_t i = 0; i + 1 < records.size() && total > limit; ++i) {
    const std::string& path = RecordFiles::PathOf(*records[i]);
    const int64_t bytes = DatabaseBytes(path);
    obs::Warn("store", "removing {} ({} bytes): history is at max_size without any samples", path,
              bytes);
    RONDA_RETURN_IF_ERROR(level_.records->Remove(records[i]));
    total -= bytes;
  }
  return absl::OkStatus();
}

int64_t Retention::SpanWindows() const {
  if (options_.max_bytes <= 0) {
    return kRawSpans[0];
  }
  // What a window of two hours took lately, at most.
  int64_t window_bytes = 0;
  const std::vector<std::shared_ptr<SegmentFile>> files = level_.raw->All();
  for (size_t i = files.size() > 3 ? files.size() - 3 : 0; i < files.size(); ++i) {
    const SegmentSpan& span = files[i]->span();
    const int64_t begun = WindowOf(clock_.NowMs()) - span.first_window;
    window_bytes =
        std::max(window_bytes, files[i]->Bytes() / std::clamp<int64_t>(begun, 1, span.windows));
  }
  if (files.empty()) {
    const absl::StatusOr<RecentDb::Totals> recent = history_.Totals();
    window_bytes = recent.ok() ? recent->bytes : 0;
  }
  for (const int64_t windows : kRawSpans) {
    if (windows * window_bytes <= options_.max_bytes / 8) {
      return windows;
    }
  }
  return 1;
}

}  // namespace ronda::store
