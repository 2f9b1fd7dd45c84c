// One row of the journal: all frames of one commit. Grammar: FORMAT.md, "Journal row".
//
// A row decodes on its own, given the catalogue: it holds what the bytes of its frames do not say
// (node, epoch, source, and the run of each frame).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "collector/store/store.h"

namespace ronda::store {

// A run, as a journal row names it.
struct RunKey {
  NodeId node = 0;
  Epoch epoch;
  uint64_t first_seq = 0;
  auto operator<=>(const RunKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const RunKey& k) {
    return H::combine(std::move(h), k.node, k.epoch.id, k.first_seq);
  }
};

struct JournalRun {
  RunKey key;
  int64_t source = 0;
  int64_t schema = 0;  // 0: a run of records
};

struct JournalFrame {
  size_t run = 0;  // index into JournalRow::runs
  uint64_t seq = 0;
  uint64_t prev_seq = 0;
  uint32_t crc = 0;
  int64_t t_ms = 0;
  std::string_view bytes;
};

struct JournalRow {
  int64_t commit = 0;
  // The place of the first frame in the order of all frames; the others follow one by one.
  uint64_t first_order = 0;
  std::vector<JournalRun> runs;
  std::vector<JournalFrame> frames;
};

// Collects the frames of one commit. Not thread-safe.
class JournalRowBuilder {
 public:
  JournalRowBuilder(int64_t commit, uint64_t first_order)
      : commit_(commit), first_order_(first_order) {}

  void Add(const JournalRun& run, int64_t t_ms, std::string_view frame);

  int64_t commit() const { return commit_; }
  uint64_t first_order() const { return first_order_; }
  // While there are no frames.
  void set_first_order(uint64_t first_order) { first_order_ = first_order; }
  uint64_t frames() const { return frames_; }
  size_t bytes() const { return run_bytes_.size() + frame_bytes_.size(); }
  std::string Encode() const;

 private:
  const int64_t commit_;
  uint64_t first_order_;
  absl::flat_hash_map<RunKey, size_t> runs_;
  std::string run_bytes_;
  std::string frame_bytes_;
  uint64_t frames_ = 0;
  int64_t last_t_ms_ = 0;
};

// kDataLoss if the checksum is wrong, the row is not that of `commit`, or a frame in it is not
// whole. The frames point into `bytes`. kUnimplemented: a later version.
absl::StatusOr<JournalRow> DecodeJournalRow(int64_t commit, std::string_view bytes);

}  // namespace ronda::store
