// Moves blocks of level 0 into packed rows of level 1.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "collector/store/disk_space.h"
#include "collector/store/history.h"
#include "collector/store/level_one.h"
#include "collector/store/record_packer.h"
#include "collector/store/replay.h"
#include "collector/store/retention.h"
#include "collector/store/sealer.h"
#include "collector/store/store_state.h"
#include "collector/store/window_packer.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Thread-safe. All references must outlive it.
//
// Works on one node and window of two hours at a time, and on a few dozen series of it at once, so
// that memory does not grow with what there is to do. The rows of a window are committed first;
// then, in a transaction of recent.db, the blocks are removed. A crash between the two leaves
// samples in both, which readers see as one, and the next pass does the same again. A block that
// comes late makes its windows be written anew, with what they hold already.
//
// Of samples with one time the one with the lowest order stays. What is in level 1 has lost its
// order and wins against all that comes later: so a block waits while the head, or a block that
// waits, has frames of the same target and time with a lower order.
class Compactor {
 public:
  // Told of damaged blocks, of which samples are lost.
  using OnLost = std::function<void(const std::vector<LostFrames>&)>;
  // Called when parts of level 1 have been found damaged (LevelOne::corrupt).
  using OnCorrupt = std::function<void()>;
  // Mends recent.db if it is damaged, as the status says. True: it was, and another is in its
  // place.
  using Mend = std::function<absl::StatusOr<bool>(const absl::Status& why)>;

  Compactor(StoreState* state, History* history, LevelOne* level, Sealer* sealer,
            Retention* retention, const DiskSpace& disk, const Clock& clock, OnLost on_lost,
            OnCorrupt on_corrupt, Mend mend)
      : state_(*state),
        history_(*history),
        level_(*level),
        sealer_(*sealer),
        retention_(*retention),
        disk_(disk),
        clock_(clock),
        on_lost_(std::move(on_lost)),
        on_corrupt_(std::move(on_corrupt)),
        mend_(std::move(mend)),
        limited_(retention->limited()),
        records_(history, level->records.get(), on_lost_) {}
  ~Compactor() { Stop(); }

  // Compacts what is due, and removes what is too old or too much, every few minutes; more often
  // while there is little room on the disk. While it is full, it only removes. A limit in size is
  // looked after every few seconds.
  void Start();
  void Stop();
  // Begins the next round now: the state of the disk has changed.
  void Hurry();
  // Makes the thread call on_corrupt soon. Does not block.
  void FoundCorrupt();

  // Compacts the windows that ended some minutes ago; with `all`, and while level 0 takes too much
  // of what history may, whatever is sealed. A recent.db that turns out to be damaged is mended,
  // and what is left of it compacted.
  absl::Status Pass(bool all) ABSL_LOCKS_EXCLUDED(pass_mu_);

 private:
  void Run();
  absl::Status Round();
  absl::Status PassOnce(bool all) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pass_mu_);
  // Removes what is too much. True: level 0 should be packed now.
  absl::StatusOr<bool> KeepSize() ABSL_LOCKS_EXCLUDED(pass_mu_);
  bool stopping() const;
  // What is not compacted in this pass.
  struct Waiting {
    GroupIdentity group;
    int64_t t_min_ms = 0;
    int64_t t_max_ms = 0;
    uint64_t first_order = 0;
  };
  std::map<NodeId, std::vector<Waiting>> RunsInHead() const;
  absl::Status CompactNode(NodeId node, const std::vector<int64_t>& sources, int64_t end_ms,
                           std::vector<Waiting> waiting);
  absl::StatusOr<std::vector<DueBlock>> FindDue(History::Moment* now,
                                                const std::vector<int64_t>& sources,
                                                int64_t end_ms) const;
  static void HoldBack(std::vector<Waiting> waiting, std::vector<DueBlock>* due);
  absl::Status CompactWindow(History::Moment* now, std::string_view node, int64_t window,
                             const std::vector<DueBlock*>& blocks);
  // Writes windows of one level; a file that is too damaged for that is put aside first.
  absl::Status Write(Segments* level, int64_t window, int64_t span_windows,
                     const std::vector<PackedWindow>& packed);
  // Puts files aside that nobody can open.
  absl::Status PutAsideUnreadable();
  absl::Status Report(const std::vector<DueBlock>& due);
  // Gives room of recent.db back that only an unusual rush, as a backfill, has needed. `before`:
  // what was used when the pass began.
  absl::Status ReturnRoom(int64_t before, bool all) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pass_mu_);

  StoreState& state_;
  History& history_;
  LevelOne& level_;
  Sealer& sealer_;
  Retention& retention_;
  const DiskSpace& disk_;
  const Clock& clock_;
  const OnLost on_lost_;
  const OnCorrupt on_corrupt_;
  const Mend mend_;
  const bool limited_;  // in size

  Mutex pass_mu_;
  RecordPacker records_ ABSL_GUARDED_BY(pass_mu_);
  std::deque<int64_t> used_ ABSL_GUARDED_BY(pass_mu_);  // of recent.db, as the last passes began

  mutable Mutex thread_mu_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(thread_mu_) = false;
  bool hurry_ ABSL_GUARDED_BY(thread_mu_) = false;
  bool found_corrupt_ ABSL_GUARDED_BY(thread_mu_) = false;
  std::thread thread_;
};

}  // namespace ronda::store
