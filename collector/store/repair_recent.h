// Rebuilding recent.db from what can still be read of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// Whether the file opens, its pages are in order and its catalogue can be read.
bool IsSoundRecent(const std::string& path);

// Writes what can be saved of `path` to work/recent.db. Returns what was saved and what was not,
// one line a fact. A block is saved if each of its checksums is right and its source and schema are
// known.
absl::StatusOr<std::string> RebuildRecent(const std::string& path, const std::string& work);

}  // namespace ronda::store
