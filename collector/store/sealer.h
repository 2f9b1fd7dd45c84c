// Turns ended runs into blocks, trims the journal behind them, and removes what is too old.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "collector/store/disk_space.h"
#include "collector/store/history.h"
#include "collector/store/journal_writer.h"
#include "collector/store/store_state.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Thread-safe. All references must outlive it.
//
// A run is sealed when it has ended, each node at its own moment so that they do not all come at
// once (one that came late, with backfill, in the next round: there may be hours of them, which the
// memory could not hold so long), or else when it is seal_after_ms old. In the second case it may
// still grow: then its frames are kept beside the block, from where an append brings the run back,
// and the next seal writes the whole run anew in place of the block. Only frames that the journal
// holds are sealed.
//
// Blocks are committed first. Then, in a transaction of the other file, journal rows whose frames
// are all in blocks are deleted, and the ranges of the epochs brought up to date. A crash between
// the two leaves frames in both files, which the replay sees.
class Sealer {
 public:
  struct Options {
    int64_t seal_after_ms = 180'000;
    int64_t retention_raw_ms = 0;
  };

  Sealer(StoreState* state, History* history, JournalWriter* journal, const Clock& clock,
         const DiskSpace& disk, const Options& options)
      : state_(*state),
        history_(*history),
        journal_(*journal),
        clock_(clock),
        disk_(disk),
        options_(options) {}
  ~Sealer() { Stop(); }

  // Seals, trims and removes once a second; while the disk is full it only trims, since blocks
  // would take the room that is left.
  void Start();
  void Stop();

  // Seals what is due, or with `now` all that has ended, and trims.
  absl::Status Pass(bool now) ABSL_LOCKS_EXCLUDED(pass_mu_);

 private:
  void Run();
  absl::Status Round();
  std::vector<SealedRun> FindDue(bool now);
  // Decodes the run; false if nothing of it can be decoded.
  bool Decode(SealedRun* sealed);
  void CountConflicts(const SealedRun& sealed, const std::vector<SealedRun>& before);
  void MarkSealed(const std::vector<SealedRun>& runs);
  absl::Status Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(pass_mu_);
  absl::Status RemoveOld();

  StoreState& state_;
  History& history_;
  JournalWriter& journal_;
  const Clock& clock_;
  const DiskSpace& disk_;
  const Options options_;

  Mutex pass_mu_;
  int64_t trimmed_through_ ABSL_GUARDED_BY(pass_mu_) = 0;

  Mutex thread_mu_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(thread_mu_) = false;
  std::thread thread_;
};

}  // namespace ronda::store
