// Rebuilding files of level 1 from what can still be read of them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"
#include "collector/store/segment_span.h"

namespace ronda::store {

// Which file of level 1.
struct SegmentName {
  std::string file;  // "history/raw/20261120T00-24h.db", for people
  SegmentSpan span;
  bool rollups = false;
};

struct SegmentRepair {
  std::string report;             // one line a fact
  std::vector<CorruptPart> lost;  // of samples
};

// Whether the file opens, and its pages, index, rows and chunks are in order.
bool IsSoundSegment(const std::string& path, const SegmentName& name);

// Writes what can be saved of files with the same time into work/segment.db: each row whose header
// is right, without the series whose chunk is not. Where several files have a sample of a series
// and time, that of the first stays.
absl::StatusOr<SegmentRepair> RebuildSegment(std::span<const std::string> paths,
                                             const SegmentName& name, const std::string& work);

}  // namespace ronda::store
