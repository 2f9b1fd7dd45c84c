// Removes history that is too old, or too much.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "collector/store/disk_space.h"
#include "collector/store/history.h"
#include "collector/store/level_one.h"
#include "collector/store/record_limits.h"
#include "collector/store/record_retention.h"
#include "common/base/clock.h"

namespace ronda::store {

// Of one thread at a time.
class Retention {
 public:
  struct Options {
    int64_t raw_ms = 0;  // of samples; 0: for ever
    int64_t minute_ms = 0;
    int64_t hour_ms = 0;
    int64_t max_bytes = 0;  // of everything in history/; 0: no limit
    RecordRetentionOptions records;
  };

  Retention(const Options& options, History* history, LevelOne* level, const DiskSpace& disk,
            const Clock& clock)
      : options_(options),
        history_(*history),
        level_(*level),
        disk_(disk),
        clock_(clock),
        records_(options.records, options.max_bytes, history, level->records.get(), clock) {}

  // Removes whole files that end before what is kept, then, while there is more than max_bytes with
  // what level 0 will need when it is compacted, the oldest: of samples first, then roll-ups, then
  // records. While
  // there is little room on the disk, max_bytes is lower by what is missing, but never by more than
  // half: if that does not help, it is not the history that fills the disk. Without max_bytes
  // nothing goes before its time.
  absl::Status Enforce();

  // How many windows a new file may hold, so that a file is at most an eighth of max_bytes.
  int64_t SpanWindows() const;

 private:
  absl::Status RemoveOlder(Segments* segments, int64_t keep_ms);
  absl::Status RemoveTooMuch();

  const Options options_;
  History& history_;
  LevelOne& level_;
  const DiskSpace& disk_;
  const Clock& clock_;
  RecordRetention records_;
};

}  // namespace ronda::store
