// Level 1: the samples, their roll-ups of a minute and of an hour, and the records.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/record_files.h"
#include "collector/store/segments.h"

namespace ronda::store {

struct LevelOne {
  std::unique_ptr<CorruptParts> corrupt;  // of the three below; outlives them
  std::unique_ptr<Segments> raw;          // history/raw/
  std::unique_ptr<Segments> minute;       // history/minute/
  std::unique_ptr<Segments> hour;         // history/hour/
  std::unique_ptr<RecordFiles> records;   // history/records/

  // `dir` is the data folder. `wal_pages`: Database::Options.
  static absl::StatusOr<LevelOne> Open(const std::string& dir, bool read_only, int64_t now_ms,
                                       int64_t wal_pages = 0);
  int64_t Bytes() const {
    return raw->Bytes() + minute->Bytes() + hour->Bytes() + records->Bytes();
  }
  int64_t corrupt_parts() const { return corrupt->count(); }
  void CloseIdle();
};

}  // namespace ronda::store
