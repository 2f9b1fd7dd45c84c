// Rebuilding recent.db from what can still be read of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// Whether the file opens, and its pages, indexes and rows are in order. Damaged series of a block
// whose header is right do not count: the block is the best that there is of it.
bool IsSoundRecent(const std::string& path);

// Writes what can be saved of `path` to work/recent.db. Returns what was saved and what was not,
// one line a fact. A block is saved if its header is right and its source and schema are known.
absl::StatusOr<std::string> RebuildRecent(const std::string& path, const std::string& work);

}  // namespace ronda::store
