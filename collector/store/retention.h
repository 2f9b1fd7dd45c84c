// Removes history that is too old, or too much.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/disk_space.h"
#include "collector/store/dropped_samples.h"
#include "collector/store/history.h"
#include "collector/store/level_one.h"
#include "collector/store/record_limits.h"
#include "collector/store/record_retention.h"
#include "collector/store/store_state.h"
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

  // Told of samples that went for max_bytes though they are of the last hours.
  using OnDropped = std::function<void(const std::vector<DroppedSamples>&)>;

  Retention(const Options& options, StoreState* state, History* history, LevelOne* level,
            const DiskSpace& disk, const Clock& clock, OnDropped on_dropped)
      : options_(options),
        state_(*state),
        history_(*history),
        level_(*level),
        disk_(disk),
        clock_(clock),
        on_dropped_(std::move(on_dropped)),
        records_(options.records, options.max_bytes, history, level->records.get(), clock) {}

  // So many pages the WALs of the files in history/ may have (Database::Options) when they may take
  // max_bytes.
  static int64_t WalPages(int64_t max_bytes);

  // Removes whole files that end before what is kept, then what is too much.
  absl::Status Enforce();

  // Whether there is a limit, and more than it allows. Costs little.
  bool limited() const { return options_.max_bytes > 0; }
  absl::StatusOr<bool> IsTooMuch() const;
  // Level 0 takes more than an eighth of max_bytes: then it is packed at once, which makes it half
  // as large, and not when its windows have ended.
  absl::StatusOr<bool> IsTight() const;

  // How many windows a new file of the level may hold, so that a file is at most an eighth of
  // max_bytes.
  int64_t SpanWindows(const Segments& level) const;

 private:
  // What there is, what of it is level 0, and what there will be on top.
  struct Use {
    int64_t files = 0;
    int64_t level0 = 0;
    int64_t to_come = 0;  // level 0 packed, and a node's window written anew in a WAL
    int64_t all() const { return files + to_come; }
  };
  absl::StatusOr<Use> Measure() const;
  int64_t Limit(const Use& use) const;
  bool IsTooMuch(const Use& use) const { return use.all() > Limit(use); }
  absl::Status RemoveOlder(Segments* segments, int64_t keep_ms);
  // While there is more than max_bytes, less some room for WALs and for what comes until the next
  // look, and with what level 0 will need when it is packed, the oldest goes. Whole files first: of
  // samples, then of roll-ups, then of records. Then what the newest files have of earlier windows,
  // then the newest window, then level 0: that is what on_dropped is told of.
  //
  // While there is little room on the disk, max_bytes is lower by what is missing, but never by
  // more than half: if that does not help, it is not the history that fills the disk. Without
  // max_bytes nothing goes before its time.
  absl::Status RemoveTooMuch();
  absl::Status RemoveFiles(Use* use);
  absl::Status RemoveWindows(Use* use);
  absl::Status RemoveLevelZero(Use* use);
  std::vector<DroppedSamples> Name(const std::vector<RecentDb::RemovedBlock>& blocks) const;

  const Options options_;
  StoreState& state_;
  History& history_;
  LevelOne& level_;
  const DiskSpace& disk_;
  const Clock& clock_;
  const OnDropped on_dropped_;
  RecordRetention records_;
};

}  // namespace ronda::store
