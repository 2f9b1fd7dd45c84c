// The head: the runs that no block holds yet, as the frames they arrived in, and the sequence
// numbers of every epoch.
//
// Frames stay compressed. Readers take a snapshot of a run (shared chunks and a copy of the frame
// table) under the store's lock and decode it outside.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "collector/store/catalogue.h"
#include "collector/store/journal_row.h"
#include "collector/store/store.h"
#include "common/base/strings.h"
#include "common/codec/range_set.h"

namespace ronda::store {

// Append-only memory that never moves. Bytes before a snapshot's end are never written again, so
// that readers need no lock for them.
class FrameBytes {
 public:
  std::string_view Append(std::string_view bytes);

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    size_t size = 0;
    size_t used = 0;
  };
  std::vector<Chunk> chunks_;
};

struct HeadFrame {
  uint64_t seq = 0;
  uint64_t order =
      0;  // its place among all frames ever appended: of equal times the lower one wins
  int64_t commit = 0;  // the journal row that holds it; 0 if a block's copy was read back
  int64_t t_ms = 0;
  uint32_t crc = 0;
  std::string_view bytes;  // in the run's FrameBytes
};

// One run. Changed only under the store's lock; `bytes` is shared with snapshots.
struct HeadRun {
  RunKey key;
  std::shared_ptr<const SourceEntry> source;
  std::shared_ptr<const SchemaEntry> schema;  // null: a run of records
  std::vector<HeadFrame> frames;
  std::shared_ptr<FrameBytes> bytes;
  size_t sealed_frames = 0;  // a block holds so many already (the run grew after it was sealed)
  int64_t due_since_ms = 0;  // monotonic: when it began to wait for its seal
  bool late = false;         // it came long after it was sampled, as backfill does
  int64_t t_min_ms = 0;
  int64_t t_max_ms = 0;
};

// What a reader needs of a run.
struct RunSnapshot {
  RunKey key;
  std::shared_ptr<const SourceEntry> source;
  std::shared_ptr<const SchemaEntry> schema;
  std::vector<HeadFrame> frames;
  std::shared_ptr<const FrameBytes> bytes;
};

RunSnapshot Snapshot(const HeadRun& run);

struct EpochState {
  NodeId node = 0;
  Epoch epoch;
  codec::RangeSet held;
  codec::RangeSet durable;
  std::map<uint64_t, std::unique_ptr<HeadRun>> runs;  // by first_seq
  StringMap<uint64_t> last_run;                       // by group: the greatest first_seq so far
  bool sealed_since_trim = false;
};

// Not thread-safe: the store guards it.
class Head {
 public:
  // The epoch's state; made if need be.
  EpochState* PutEpoch(NodeId node, const Epoch& epoch);
  const EpochState* FindEpoch(NodeId node, uint64_t epoch) const;

  // The run must not be there yet.
  HeadRun* AddRun(EpochState* epoch, HeadRun run);
  // Copies `bytes` and appends the frame.
  void AddFrame(HeadRun* run, const HeadFrame& frame);
  void RemoveRun(const RunKey& key);
  HeadRun* FindRun(const RunKey& key);

  // True if no further frame of this run can come: it is full, or a later run of its group exists
  // and every sequence number in between is held.
  static bool HasEnded(const EpochState& epoch, const HeadRun& run);

  void ForEachEpoch(absl::FunctionRef<void(EpochState&)> visit);
  void ForEachRun(absl::FunctionRef<void(const EpochState&, const HeadRun&)> visit) const;
  // Runs of one source, oldest first.
  void ForEachRunOf(int64_t source, absl::FunctionRef<void(const HeadRun&)> visit) const;

  // The least commit that holds a frame which no block holds; nullopt if there is none.
  std::optional<int64_t> OldestUnsealedCommit() const;

  // Held or durable, less the frames that only the head has.
  static codec::RangeSet SealedRanges(const EpochState& epoch);

 private:
  std::map<std::pair<NodeId, uint64_t>, std::unique_ptr<EpochState>> epochs_;
  absl::flat_hash_map<int64_t, std::vector<HeadRun*>> by_source_;
};

}  // namespace ronda::store
