// What the run queue and its file on disk say to each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/model/schema.h"

namespace ronda::agent {

// Names a space of sequence numbers: drawn at each start of the agent.
struct EpochId {
  uint64_t id = 0;
  int64_t started_ms = 0;
  bool operator==(const EpochId&) const = default;
};

// The order in which epochs began.
inline bool InOrder(const EpochId& a, const EpochId& b) {
  return a.started_ms != b.started_ms ? a.started_ms < b.started_ms : a.id < b.id;
}

// Names a run within the queue. Epochs are counted in the order in which they began.
struct RunKey {
  uint32_t epoch = 0;
  uint64_t first_seq = 0;
  auto operator<=>(const RunKey&) const = default;
};

struct KeptFrame {
  uint64_t seq = 0;
  int64_t t_ms = 0;
  std::shared_ptr<const std::string> bytes;
};

// Frames of one run, in order.
struct Piece {
  RunKey key;
  EpochId epoch;
  uint32_t group = 0;
  std::shared_ptr<const Schema> schema;  // null for records
  SchemaHash hash{};
  std::vector<KeptFrame> frames;
};

// A run on disk, without its frames.
struct KeptRun {
  EpochId epoch;
  uint32_t group = 0;
  std::shared_ptr<const Schema> schema;
  SchemaHash hash{};
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t frames = 0;
  int64_t bytes = 0;
};

// An earlier epoch of which something is kept, be it only that it was stopped in order.
struct KeptEpoch {
  EpochId epoch;
  uint64_t last_seq = 0;  // 0: no frames
  int64_t newest_ms = 0;
  bool stopped = false;
};

// A run that was given up, whole: becomes a gap record.
struct DroppedRun {
  uint32_t group = 0;  // 0: all of the node, or of an earlier epoch, whose numbers mean nothing now
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t frames = 0;  // that were not acknowledged
  std::string cause;   // "overflow", "rejected", "corrupt"
  std::string detail;
};

// What there is to do on disk.
struct SpoolWork {
  struct Run {
    uint64_t epoch = 0;
    uint64_t first_seq = 0;
    bool operator==(const Run&) const = default;
  };
  std::vector<Piece> write;
  std::vector<Run> remove;
  std::vector<RunKey> read;  // for the backfill lane, in its order
  bool empty() const { return write.empty() && remove.empty() && read.empty(); }
};

}  // namespace ronda::agent
