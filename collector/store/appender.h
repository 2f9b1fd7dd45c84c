// Checks batches, puts them into the head and queues them for the journal.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "collector/store/disk_space.h"
#include "collector/store/history.h"
#include "collector/store/journal_writer.h"
#include "collector/store/store.h"
#include "collector/store/store_state.h"
#include "common/base/clock.h"

namespace ronda::store {

// Thread-safe. All references must outlive it.
class Appender {
 public:
  Appender(StoreState* state, const History* history, JournalWriter* journal, const DiskSpace& disk,
           const Clock& clock, int64_t max_pending_bytes)
      : state_(*state),
        history_(*history),
        journal_(*journal),
        disk_(disk),
        clock_(clock),
        max_pending_bytes_(max_pending_bytes) {}

  // See Store::Append. All or nothing.
  absl::Status Append(std::vector<Batch> batches);

 private:
  // One frame, checked.
  struct Planned {
    const FrameEntry* frame = nullptr;
    RunKey run;
    std::shared_ptr<const SourceEntry> source;
    std::shared_ptr<const SchemaEntry> schema;
  };
  // What a call is about to do.
  struct Plan {
    std::vector<Planned> frames;
    std::vector<CatalogueWrite> writes;
    std::map<RunKey, uint64_t> last_seq;                             // of the runs in it
    std::map<std::pair<NodeId, uint64_t>, codec::RangeSet> numbers;  // by epoch
    std::vector<Planned> missing;  // of runs that only a block may know
  };

  absl::Status CheckLocked(const Batch& batch, Plan* plan) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu);
  absl::Status CheckFrameLocked(const Batch& batch, const FrameEntry& frame, Plan* plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu);
  void InsertLocked(std::vector<Batch>* batches, Plan plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mu);
  // Brings back a run that was sealed by age and now grows.
  absl::Status Reload(const Planned& planned);

  StoreState& state_;
  const History& history_;
  JournalWriter& journal_;
  const DiskSpace& disk_;
  const Clock& clock_;
  const int64_t max_pending_bytes_;
};

// Puts a run that a block holds, as frames, back into the head. Null: damaged, or without frames.
HeadRun* RestoreRun(StoreState* state, const RunKey& key, const CoveredRun& covered,
                    std::shared_ptr<const SourceEntry> source, int64_t now_ms)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mu);

}  // namespace ronda::store
