// Frames between sampling and acknowledgement.
//
//   groups --Submit--> [ runs, in order ] --Next--> stream; Acknowledge frees
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
#include <vector>

#include "agent/samplers/frame_sink.h"
#include "common/base/mutex.h"
#include "common/codec/range_set.h"

namespace ronda::agent {

enum class Lane { kLive, kBackfill };

// What one message carries.
struct Outgoing {
  Lane lane = Lane::kLive;
  std::vector<std::shared_ptr<const std::string>> frames;
};

// A run that was given up, whole: becomes a gap record.
struct DroppedRun {
  uint32_t group = 0;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t frames = 0;  // that were not acknowledged
  std::string cause;   // "overflow", "rejected"
  std::string detail;
};

struct RunQueueCounters {
  int64_t submitted_frames = 0;
  int64_t acknowledged_frames = 0;
  int64_t overflow_frames = 0;  // pushed out by newer ones
  int64_t rejected_frames = 0;  // refused by the collector
  int64_t resent_frames = 0;
};

// Thread-safe. Memory is bounded by max_bytes plus one run of each group.
class RunQueue : public FrameSink {
 public:
  struct Options {
    size_t max_bytes = 16 << 20;
    // How long a frame waits for those of the other groups, so that a tick is one message.
    std::chrono::milliseconds company{100};
    size_t max_backfill_message_bytes = 64 << 10;
    // Live frames that may wait for a stream that takes nothing, before they become backfill.
    size_t max_live_frames = 240;
  };

  explicit RunQueue(const Options& options) : options_(options) {}

  // --- sampling ---
  void Submit(
      const FrameInfo& info,
      absl::FunctionRef<void(uint64_t seq, bool start_run, std::string* out)> encode) override;
  // How many groups submit each tick: a message does not wait once all of them are there.
  void SetGroupCount(size_t groups);
  // Runs given up since the last call.
  std::vector<DroppedRun> TakeDropped();

  // --- streaming ---
  // A stream is up and the collector holds `held`: forgets that, puts the rest into the backfill
  // lane and has every group start a new run.
  void Connected(const codec::RangeSet& held);
  void Disconnected();
  // Waits for the next message, at most `timeout`. Live first; backfill as far as `AddCredit` goes.
  // nullopt: nothing came, or Wake() was called, or no stream is up.
  std::optional<Outgoing> Next(std::chrono::milliseconds timeout);
  // Makes a waiting Next() return.
  void Wake();
  void Acknowledge(const std::vector<codec::SeqRange>& ranges);
  // The collector will never take these: given up, counted, and their groups start new runs.
  // Without ranges it could not tell which frame it was: every group starts a new run.
  void Reject(const std::vector<codec::SeqRange>& ranges, const std::string& reason);
  // The collector knows our numbers with other contents: everything unacknowledged is given up and
  // numbering starts again at 1 (in the epoch that the stream draws).
  void Renumber(const std::string& reason);
  // Samples of backfill that may be sent on top of what was granted before.
  void AddCredit(uint64_t samples);
  void SetHold(bool hold);

  // The schema with this hash, if a kept run uses it.
  std::shared_ptr<const Schema> FindSchema(const SchemaHash& hash) const;

  RunQueueCounters counters() const;
  size_t bytes() const;
  // Frames not acknowledged yet.
  int64_t unacknowledged() const;

 private:
  struct Frame {
    uint64_t seq = 0;
    int64_t t_ms = 0;
    std::shared_ptr<const std::string> bytes;
    bool settled = false;  // acknowledged or rejected
  };
  struct Run {
    uint32_t group = 0;
    std::shared_ptr<const Schema> schema;
    SchemaHash hash{};
    bool open = true;  // the group's present run: deltas will follow
    size_t bytes = 0;
    size_t unsettled = 0;
    std::deque<Frame> frames;
  };

  Run* OpenRunLocked(const FrameInfo& info, bool key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FallBehindLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetSettledLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EnforceLimitLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SettleLocked(const std::vector<codec::SeqRange>& ranges, int64_t* counter)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RejectLocked(const std::vector<codec::SeqRange>& ranges, const std::string& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestartRunsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<Outgoing> TakeLiveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<Outgoing> TakeBackfillLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  mutable Mutex mu_;
  CondVar cv_;
  std::deque<std::unique_ptr<Run>> runs_ ABSL_GUARDED_BY(mu_);  // oldest first
  std::map<uint32_t, Run*> open_ ABSL_GUARDED_BY(mu_);
  std::set<uint32_t> must_start_ ABSL_GUARDED_BY(mu_);  // groups whose next frame must be a key
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_seq_ ABSL_GUARDED_BY(mu_) = 1;
  size_t groups_ ABSL_GUARDED_BY(mu_) = 1;
  std::vector<DroppedRun> dropped_ ABSL_GUARDED_BY(mu_);

  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  bool wake_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::shared_ptr<const std::string>> live_ ABSL_GUARDED_BY(mu_);
  std::set<uint32_t> live_groups_ ABSL_GUARDED_BY(mu_);
  std::chrono::steady_clock::time_point live_since_ ABSL_GUARDED_BY(mu_);
  std::vector<const Run*> backfill_ ABSL_GUARDED_BY(mu_);  // runs to send again, oldest first
  size_t backfill_next_ ABSL_GUARDED_BY(mu_) = 0;          // frame within the first of them
  RunQueueCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::agent
