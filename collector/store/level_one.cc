#include "collector/store/level_one.h"

#include "collector/store/segment_span.h"
#include "common/base/status.h"

namespace ronda::store {

absl::StatusOr<LevelOne> LevelOne::Open(const std::string& dir, bool read_only, int64_t now_ms,
                                        int64_t wal_pages) {
  LevelOne level;
  level.corrupt = std::make_unique<CorruptParts>();
  CorruptParts* const corrupt = level.corrupt.get();
  RONDA_ASSIGN_OR_RETURN(
      level.raw, Segments::Open({dir + "/history/raw", read_only, kRawSpans, false, wal_pages},
                                now_ms, corrupt));
  RONDA_ASSIGN_OR_RETURN(level.minute, Segments::Open({dir + "/history/minute", read_only,
                                                       kMinuteSpans, true, wal_pages},
                                                      now_ms, corrupt));
  RONDA_ASSIGN_OR_RETURN(
      level.hour, Segments::Open({dir + "/history/hour", read_only, kHourSpans, true, wal_pages},
                                 now_ms, corrupt));
  RONDA_ASSIGN_OR_RETURN(
      level.records, RecordFiles::Open(dir + "/history/records", read_only, wal_pages, corrupt));
  return level;
}

void LevelOne::CloseIdle() {
  raw->CloseIdle();
  minute->CloseIdle();
  hour->CloseIdle();
}

}  // namespace ronda::store
