// The collector's store: journal, head, level 0, level 1, catalogue. Files and formats: FORMAT.md.
//
//   Append -> head (visible) -> journal commit (durable) -> on_commit -> sealed blocks -> packed
//   rows
//
// Everything that must be durable together goes into one Append: frames, and the state of rules and
// notifications that they caused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/disk_space.h"
#include "collector/store/queryable.h"
#include "collector/store/record_limits.h"
#include "collector/store/records.h"
#include "collector/store/state_write.h"
#include "common/base/clock.h"
#include "common/codec/frame.h"
#include "common/codec/range_set.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::store {

using NodeId = int64_t;
// 64 random bits and a start time, drawn by whoever numbers frames: an agent at each start, the
// collector (for what it writes about a node itself) likewise.
struct Epoch {
  uint64_t id = 0;
  int64_t started_ms = 0;
  auto operator<=>(const Epoch&) const = default;
};

struct NodeInfo {
  std::string name;
  Labels labels;  // the node's own, from agent.yml
  std::string agent_version;
  std::string boot_id;
  int64_t first_seen_ms = 0;
  int64_t last_seen_ms = 0;   // time of the newest durable sample; at seal and at stop, exact then
  Epoch epoch;                // of the agent last seen
  bool said_goodbye = false;  // that agent stopped in order
};

struct SourceInfo {
  GroupIdentity group;
  SchemaHash schema{};
  int64_t last_ms = 0;
};

// One frame as it arrived, checked and decoded by the caller (ingest).
struct FrameEntry {
  codec::FrameKind kind{};
  GroupIdentity group;         // of the run's key frame; for records only the name is used
  SchemaHash schema{};         // sample frames: must be known (AddSchema)
  uint64_t run_first_seq = 0;  // names the run within (node, epoch)
  uint64_t seq = 0;
  uint32_t crc = 0;
  int64_t t_ms = 0;
  std::string bytes;  // the whole frame
};

struct Batch {
  NodeId node = 0;
  Epoch epoch;
  std::vector<FrameEntry> frames;
  std::vector<StateWrite> state;
  // Taken even while the disk is full, as state alone is: what alerts and messages need.
  bool essential = false;
  // Called once, on the journal's thread, after the commit that holds the batch. Must not block.
  // Not called if the store is closed before.
  std::function<void()> on_commit;
};

struct StoreCounters {
  int64_t commits = 0;
  int64_t commit_failures = 0;
  int64_t committed_frames = 0;
  int64_t sealed_blocks = 0;
  int64_t corrupt_journal_rows = 0;
  int64_t corrupt_blocks = 0;
  int64_t duplicate_samples = 0;    // equal time, equal value
  int64_t conflicting_samples = 0;  // equal time, other value: the first durable one won
  int64_t dropped_samples = 0;      // of the last hours, since max_history_bytes is too little
};

struct StoreStats {
  StoreCounters counters;
  int64_t journal_bytes = 0;  // not yet sealed
  int64_t pending_bytes = 0;  // appended, not yet committed
  int64_t blocks = 0;
  int64_t block_bytes = 0;
  int64_t history_files = 0;  // of level 1, without roll-ups
  int64_t history_bytes = 0;
  int64_t rollup_bytes = 0;
  int64_t record_bytes = 0;
  int64_t series = 0;
  double fsync_p99_ms = 0;
  absl::Status journal_status;           // of the last commit
  DiskState disk = DiskState::kUnknown;  // of running collectors
  DiskUse disk_use;
};

// Thread-safe.
class Store : public Queryable, public RecordReader {
 public:
  struct Options {
    std::string dir;                  // the data folder; made if absent
    int64_t commit_interval_ms = 50;  // the next commit starts then, or when the last one ends
    int64_t seal_after_ms = 180'000;  // a run is sealed at the latest when this old
    int64_t retention_raw_ms = int64_t{28} * 86'400'000;
    int64_t retention_minute_ms = int64_t{395} * 86'400'000;
    int64_t retention_hour_ms = int64_t{1826} * 86'400'000;
    int64_t max_history_bytes = 0;         // of everything in history/; 0: no limit
    RecordRetentionOptions records;        // how long, and how many, by kind
    int64_t max_pending_bytes = 64 << 20;  // Append() refuses above this
    // Seals, trims and compacts only when a test calls SealNow() and CompactNow().
    bool manual_seal = false;
    // What a repair could not save: becomes gaps at the start.
    std::vector<CorruptPart> lost_in_repair;
    // Tests: limit ronda.db to so many pages, as a full disk does. 0: no limit.
    int64_t max_journal_pages_for_test = 0;
    // Tests: instead of statvfs(3), and how often it is asked.
    DiskSpace::Measure measure_disk_for_test;
    int64_t disk_period_ms = 1000;
  };

  // Opens for reading and writing, replays the journal, starts the threads. `clock` must outlive
  // the store. kFailedPrecondition: another collector has the folder, or a later version wrote it.
  // kDataLoss: ronda.db is damaged; the message names the file and `ronda store repair`.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const Options& options, const Clock& clock);

  // Opens for reading only and writes nothing: after a kill, on a read-only mount, beside a running
  // collector (then `live` below is true). kNotFound: no Ronda data in `dir`.
  static absl::StatusOr<std::unique_ptr<Store>> OpenReadOnly(const std::string& dir,
                                                             const Clock& clock);
  ~Store() override;

  // A running collector has the folder (read-only stores).
  virtual bool live() const = 0;

  // Commits what is pending, seals nothing, stops the threads. Idempotent; the destructor calls it.
  virtual void Close() = 0;

  // --- catalogue ---
  // Adds or updates a node by name; durable with the next commit at the latest.
  virtual absl::StatusOr<NodeId> PutNode(const NodeInfo& node) = 0;
  virtual std::vector<NodeInfo> Nodes() const = 0;
  virtual std::optional<NodeInfo> FindNode(std::string_view name) const = 0;
  // The groups that a node has sent samples of (by agents, or by the collector about it), with the
  // schema and the time of the newest sample. From the catalogue: known again after a restart.
  virtual std::vector<SourceInfo> Sources(NodeId node) const = 0;
  virtual std::shared_ptr<const Schema> FindSchema(const SchemaHash& hash) const = 0;
  // Durable with, or before, the next commit.
  virtual absl::Status AddSchema(std::shared_ptr<const Schema> schema) = 0;

  // --- writing ---
  // What the store holds of an epoch, durably or pending.
  virtual codec::RangeSet Held(NodeId node, const Epoch& epoch) const = 0;
  // What it holds durably: this may be acknowledged.
  virtual codec::RangeSet Durable(NodeId node, const Epoch& epoch) const = 0;
  // The checksum of a held frame that is not sealed yet; nullopt if unknown. For conflicts.
  virtual std::optional<uint32_t> FindCrc(NodeId node, const Epoch& epoch, uint64_t seq) const = 0;

  // Makes the frames visible to readers and queues them for the next commit: all batches of one
  // call go into the same commit (an agent's frames, and the collector's own records and state that
  // they caused, in another epoch). Frames must be new (not in Held()) and of one run in order. A
  // batch without frames and state is fine: its on_commit comes after everything appended before is
  // durable. kResourceExhausted: the disk is full and a batch with frames is not essential, or
  // max_pending_bytes is reached (the disk is slow): nothing was taken, try again.
  virtual absl::Status Append(std::vector<Batch> batches) = 0;
  absl::Status Append(Batch batch) {
    std::vector<Batch> one;
    one.push_back(std::move(batch));
    return Append(std::move(one));
  }

  // Shows readers the values of a frame of samples that was not taken because the disk is full, as
  // the newest of its series, until Append() takes one that is as new. Nothing of it becomes
  // durable; of each group the newest tick is kept. Of a group that never was appended nothing is
  // shown.
  virtual void ShowHeld(NodeId node, const FrameEntry& frame, std::span<const double> values) = 0;

  // Append() takes only what is essential.
  virtual bool DiskFull() const = 0;

  // What the last round of sealing found of ended runs that came more than kLateMs after they were
  // sampled, and did not seal yet: bytes of memory. Who sends such runs is to wait while it is
  // much: they come faster than they can be sealed. Never blocks.
  static constexpr int64_t kLateMs = 300'000;
  virtual int64_t LateBytes() const = 0;

  // Committed state values of a space, in key order.
  virtual absl::Status ScanState(
      std::string_view space,
      absl::FunctionRef<void(std::string_view key, std::string_view value)> visit) const = 0;

  // Waits until what was appended before is durable, at most `timeout_ms`. kDeadlineExceeded.
  virtual absl::Status Flush(int64_t timeout_ms) = 0;

  // Seals every ended run and trims the journal, now.
  virtual absl::Status SealNow() = 0;

  // Packs everything that is sealed into level 1, and removes what is too old or too much, now.
  virtual absl::Status CompactNow() = 0;

  // One round of what the background does every ten minutes, now: windows that ended ten minutes
  // ago are packed, and what is too old or too much is removed.
  virtual absl::Status CompactDue() = 0;

  virtual StoreStats Stats() const = 0;
};

// Rebuilds damaged files: keeps each aside as <name>.corrupt-<time>, and saves every row that can
// still be read and whose checksum is right; the catalogue of ronda.db also comes from history/,
// and files of level 1 that a collector put aside are brought back. What is lost of history/
// becomes gap records. Returns a report for people, one line a fact. kFailedPrecondition: a
// collector runs.
absl::StatusOr<std::string> RepairDataFolder(const std::string& dir, const Clock& clock);

}  // namespace ronda::store
