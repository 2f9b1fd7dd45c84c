// Frames between sampling and acknowledgement.
//
//   groups --Submit--> [ runs, in order ] --Next--> stream; Acknowledge frees
//                            |    ^
//                            v    |   as soon as acknowledgements lag, or the agent stops
//                          spool.db (agent/spool/spool.h)
//
// Everything is kept until the collector says that it is durable. After a reconnect what is not
// acknowledged goes out again, byte for byte and whole runs, in the backfill lane, while new frames
// start new runs in the live lane: live data never waits behind old data.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/samplers/frame_sink.h"
#include "agent/spool/run.h"
#include "common/base/mutex.h"
#include "common/codec/range_set.h"

namespace ronda::agent {

enum class Lane { kLive, kBackfill };

// What one message carries.
struct Outgoing {
  Lane lane = Lane::kLive;
  uint64_t epoch = 0;  // whose numbers the frames have
  std::vector<std::shared_ptr<const std::string>> frames;
  // No frames: nothing of the time before the stream is kept any more.
  bool backfilled = false;
};

struct RunQueueCounters {
  int64_t submitted_frames = 0;
  int64_t acknowledged_frames = 0;
  int64_t overflow_frames = 0;  // pushed out by newer ones, or too old
  int64_t rejected_frames = 0;  // refused by the collector
  int64_t corrupt_frames = 0;   // that could not be read from disk again
  int64_t resent_frames = 0;
};

// What is kept now.
struct RunQueueUse {
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;
  int64_t frames = 0;     // not acknowledged
  int64_t oldest_ms = 0;  // time of the oldest of them, 0 if there is none
};

// Thread-safe; no call waits for a disk. Memory is bounded by max_bytes plus one run of each group.
class RunQueue : public FrameSink {
 public:
  struct Options {
    size_t max_bytes = 16 << 20;
    // How long a frame waits for those of the other groups, so that a tick is one message.
    std::chrono::milliseconds company{100};
    size_t max_backfill_message_bytes = 64 << 10;
    // Live frames that may wait for a stream that takes nothing, before they become backfill.
    size_t max_live_frames = 240;
    // What waited goes out in messages of about so much: a collector takes 4 MiB of at most a
    // million samples.
    size_t max_live_message_bytes = 1 << 20;
    size_t max_live_message_samples = 200'000;
    // Above this, frames that are on disk leave the memory.
    size_t keep_bytes = 4 << 20;
    // What is not acknowledged for so long goes to the disk, with all that follows.
    std::chrono::milliseconds spool_after{2000};
    // The first epoch; 0 draws one.
    EpochId epoch{};
  };

  explicit RunQueue(const Options& options);

  // --- sampling ---
  void Submit(
      const FrameInfo& info,
      absl::FunctionRef<void(uint64_t seq, bool start_run, std::string* out)> encode) override;
  // How many groups submit each tick: a message does not wait once all of them are there.
  void SetGroupCount(size_t groups);
  // Runs given up since the last call.
  std::vector<DroppedRun> TakeDropped();

  // --- streaming ---
  EpochId epoch() const;
  // The earlier epochs of which runs are kept, or that were stopped; oldest first, at most
  // kMaxKeptEpochs.
  std::vector<KeptEpoch> KeptEpochs() const;
  struct Held {
    uint64_t epoch = 0;
    codec::RangeSet seqs;
  };
  // A stream is up and the collector holds `held`: forgets that, puts the rest into the backfill
  // lane (of earlier epochs only if the collector takes them) and has every group start a new run.
  void Connected(const std::vector<Held>& held, bool takes_kept);
  void Disconnected();
  // Waits for the next message, at most `timeout`. Live first; backfill as far as `AddCredit` goes.
  // nullopt: nothing came, or Wake() was called, or no stream is up.
  std::optional<Outgoing> Next(std::chrono::milliseconds timeout);
  // Makes a waiting Next() return.
  void Wake();
  // `epoch` 0 is the present one. Ranges in any order, here and below.
  void Acknowledge(uint64_t epoch, const std::vector<codec::SeqRange>& ranges);
  // The collector will never take these: given up, counted, and their groups start new runs. What
  // they cost of the credit is there again: the collector grants it only for what it takes.
  // Without ranges it could not tell which frame it was: every group starts a new run.
  void Reject(uint64_t epoch, const std::vector<codec::SeqRange>& ranges,
              const std::string& reason);
  // The collector knows our numbers with other contents: everything unacknowledged of the present
  // epoch is given up, and a new one begins, which is returned.
  EpochId Renumber(const std::string& reason);
  // Samples of backfill that may be sent on top of what was granted before.
  void AddCredit(uint64_t samples);
  void SetHold(bool hold);

  // The schema with this hash, if a kept run uses it.
  std::shared_ptr<const Schema> FindSchema(const SchemaHash& hash) const;

  // --- the spool: its thread alone ---
  // Runs of earlier epochs that are on disk, in any order, before the first stream. Beyond
  // kMaxKeptEpochs the oldest epochs are given up.
  void AddKept(std::vector<KeptRun> runs);
  // Earlier epochs whose agent was stopped in order, and could tell no collector.
  void AddStopped(const std::vector<EpochId>& epochs);
  // Waits at most `timeout` for something to read, or for WakeSpool().
  void WaitForSpool(std::chrono::milliseconds timeout);
  void WakeSpool();
  // What is to be done now: writes if acknowledgements lag, or if `all` is set; at most about
  // `max_bytes` of them. Nothing of it is noted until Spooled() and Loaded().
  SpoolWork TakeSpoolWork(bool all, size_t max_bytes);
  // work.write and work.remove are on disk.
  void Spooled(const SpoolWork& work);
  // The frames of a run as they were written; if they are not, the run is given up as corrupt.
  void Loaded(const RunKey& run, const std::vector<KeptFrame>& frames);
  // Gives up what cannot be read any more; frames that are in memory too are written again.
  void LostOnDisk(const RunKey& run, const std::string& detail);
  void LostDisk(const std::string& detail);
  // Gives up the oldest runs on disk until the rest fits, and all that ended before `min_ms`.
  void LimitDisk(int64_t max_bytes, int64_t min_ms);
  // A gap that no run stands for.
  void AddDropped(DroppedRun dropped);
  // The name that Piece and SpoolWork have for a run.
  SpoolWork::Run NameOf(const RunKey& run) const;

  RunQueueCounters counters() const;
  RunQueueUse use() const;
  // In memory; on disk.
  size_t bytes() const;
  int64_t disk_bytes() const;
  // Frames not acknowledged yet.
  int64_t unacknowledged() const;
  // Time of the oldest of them in the live epoch's memory; how long it waits already, 0 if none.
  std::chrono::milliseconds oldest_wait() const;

  static constexpr size_t kMaxKeptEpochs = 256;

 private:
  struct Frame {
    uint64_t seq = 0;
    int64_t t_ms = 0;
    std::shared_ptr<const std::string> bytes;  // null: only on disk
    uint32_t at_ms = 0;                        // when it came, since the queue began
    bool settled = false;                      // acknowledged or rejected
    bool paid = false;                         // it cost credit on the present stream
  };
  struct Waiting {
    std::shared_ptr<const std::string> bytes;
    size_t samples = 0;
  };
  struct Run {
    RunKey key;
    uint32_t group = 0;
    std::shared_ptr<const Schema> schema;
    SchemaHash hash{};
    uint64_t last_seq = 0;
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    bool open = true;  // the group's present run: deltas will follow
    bool in_memory = true;
    size_t bytes = 0;   // of the frames, wherever they are
    int64_t count = 0;  // of frames
    int64_t unsettled = 0;
    int64_t on_disk = 0;     // so many of the first frames are
    int64_t disk_bytes = 0;  // of those
    // Empty for a run that only is on disk and was not sent since.
    std::vector<Frame> frames;
  };
  using Runs = std::map<RunKey, std::unique_ptr<Run>>;

  uint32_t NowMs() const;
  Run* OpenRunLocked(const FrameInfo& info, uint64_t seq, bool key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseLocked(Run* run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What a frame of the run costs of the credit.
  static uint64_t CostOf(const Run& run);
  Runs::iterator ForgetLocked(Runs::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FallBehindLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EnforceLimitLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EvictLocked(Run* run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives up what is unsettled of the run, and forgets it.
  Runs::iterator DropLocked(Runs::iterator it, const std::string& cause, const std::string& detail,
                            int64_t* counter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SettleLocked(uint32_t epoch, const std::vector<codec::SeqRange>& ranges, int64_t* counter)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RejectLocked(uint32_t epoch, const std::vector<codec::SeqRange>& ranges,
                    const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestartRunsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<uint32_t> FindEpochLocked(uint64_t epoch) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<Outgoing> TakeLiveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<Outgoing> TakeBackfillLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool TakeBackfilledLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<RunKey> WantedLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint32_t OldestWaitLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  mutable Mutex mu_;
  CondVar cv_;
  CondVar spool_cv_;
  std::map<uint32_t, EpochId> epochs_ ABSL_GUARDED_BY(mu_);
  uint32_t present_ ABSL_GUARDED_BY(mu_);
  Runs runs_ ABSL_GUARDED_BY(mu_);  // oldest first
  std::map<uint32_t, Run*> open_ ABSL_GUARDED_BY(mu_);
  std::set<uint32_t> must_start_ ABSL_GUARDED_BY(mu_);  // groups whose next frame must be a key
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t disk_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_seq_ ABSL_GUARDED_BY(mu_) = 1;
  size_t groups_ ABSL_GUARDED_BY(mu_) = 1;
  std::vector<DroppedRun> dropped_ ABSL_GUARDED_BY(mu_);
  std::vector<SpoolWork::Run> remove_ ABSL_GUARDED_BY(mu_);  // from the disk
  bool spool_woken_ ABSL_GUARDED_BY(mu_) = false;

  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  bool wake_ ABSL_GUARDED_BY(mu_) = false;
  bool tell_backfilled_ ABSL_GUARDED_BY(mu_) = false;
  RunKey live_from_ ABSL_GUARDED_BY(mu_);  // runs before it are backfill
  uint64_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Waiting> live_ ABSL_GUARDED_BY(mu_);
  std::set<uint32_t> live_groups_ ABSL_GUARDED_BY(mu_);
  std::chrono::steady_clock::time_point live_since_ ABSL_GUARDED_BY(mu_);
  std::set<RunKey> backfill_ ABSL_GUARDED_BY(mu_);  // runs to send again
  size_t backfill_next_ ABSL_GUARDED_BY(mu_) = 0;   // frame within the first of them
  std::vector<EpochId> stopped_ ABSL_GUARDED_BY(mu_);
  RunQueueCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::agent
