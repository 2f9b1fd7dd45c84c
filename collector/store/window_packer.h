// Packs one window of one node: what blocks and packed rows have of it becomes new packed rows.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/history.h"
#include "collector/store/sample_merge.h"
#include "collector/store/segment_file.h"
#include "collector/store/series_batch.h"

namespace ronda::store {

// A block with its ticks, to be compacted.
struct DueBlock {
  History::Uncompacted block;
  SourceSchema pair;  // the catalogue's
  BlockHeader header;
  bool damaged = false;  // set if a column could not be read
};

// What a window becomes, in the three folders.
struct PackedNode {
  std::vector<PackedWindow> raw;
  std::vector<PackedWindow> minute;
  std::vector<PackedWindow> hour;
};

struct PackStats {
  int64_t duplicates = 0;  // of samples in level 1
  int64_t conflicts = 0;
};

// Of one thread.
class WindowPacker {
 public:
  // `blocks` are those of the node that have ticks in the window. All must outlive the packer.
  WindowPacker(History::Moment* now, SegmentFile* file, std::string_view node, int64_t window,
               std::vector<DueBlock*> blocks)
      : now_(*now), file_(*file), node_(node), window_(window), blocks_(std::move(blocks)) {}

  // The rows of every pair that has blocks in the window.
  absl::StatusOr<PackedNode> Pack(PackStats* stats);

 private:
  // A pair in the blocks, or in the file (then `in_file` is set).
  struct Place {
    SourceSchema pair;
    bool in_file = false;
    size_t target = 0;  // number of the pair, whether in blocks or in the file
    std::vector<DueBlock*> blocks;
  };

  absl::Status FindPlaces();
  void FindShared();
  // *in_file: whether some are in the file already.
  absl::StatusOr<std::vector<int64_t>> TicksOf(size_t target, bool* in_file) const;
  absl::Status PackTarget(size_t target, PackedNode* out, PackStats* stats);
  absl::Status ReadPlace(size_t place, SeriesBatch* batch);

  History::Moment& now_;
  SegmentFile& file_;
  const std::string node_;
  const int64_t window_;
  const std::vector<DueBlock*> blocks_;
  std::vector<Place> places_;
  std::vector<SourceSchema>
      targets_;  // pairs that blocks have; the places of the file may have more
  // Where a label set is, if it is in more than one pair.
  std::map<Labels, std::vector<SeriesPlace>> shared_;
};

}  // namespace ronda::store
