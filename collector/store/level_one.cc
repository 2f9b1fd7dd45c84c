#include "collector/store/level_one.h"

#include "collector/store/segment_span.h"
#include "common/base/status.h"

namespace ronda::store {

absl::StatusOr<LevelOne> LevelOne::Open(const std::string& dir, bool read_only) {
  LevelOne level;
  RONDA_ASSIGN_OR_RETURN(level.raw, Segments::Open(dir + "/history/raw", read_only, kRawSpans));
  RONDA_ASSIGN_OR_RETURN(level.minute,
                         Segments::Open(dir + "/history/minute", read_only, kMinuteSpans));
  RONDA_ASSIGN_OR_RETURN(level.hour, Segments::Open(dir + "/history/hour", read_only, kHourSpans));
  RONDA_ASSIGN_OR_RETURN(level.records, RecordFiles::Open(dir + "/history/records", read_only));
  return level;
}

int64_t LevelOne::corrupt_parts() const {
  return raw->corrupt_parts() + minute->corrupt_parts() + hour->corrupt_parts() +
         records->corrupt_parts();
}

void LevelOne::CloseIdle() {
  raw->CloseIdle();
  minute->CloseIdle();
  hour->CloseIdle();
}

}  // namespace ronda::store
