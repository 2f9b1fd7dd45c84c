// Rebuilding recent.db from what can still be read of it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/corrupt_parts.h"

namespace ronda::store {

// Whether the file opens, and its pages, indexes and rows are in order. Damaged series of a block
// whose header is right do not count: the block is the best that there is of it.
bool IsSoundRecent(const std::string& path);

struct RecentRepair {
  std::string report;             // what was saved and what was not, one line a fact
  std::vector<CorruptPart> lost;  // what was not, by node and group as far as that can be known
};

// Writes what can be saved of `path` to work/recent.db. A block is saved if its header is right and
// its source and schema are known.
absl::StatusOr<RecentRepair> RebuildRecent(const std::string& path, const std::string& work);

}  // namespace ronda::store
