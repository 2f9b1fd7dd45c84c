// Rebuilding a file of packed records from what can still be read of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// Whether the file opens, its pages are in order and every block can be read.
bool IsSoundRecords(const std::string& path);

// Writes the blocks of `path` that are whole to the new file work/records.db. Returns what was
// saved and what was not, one line.
absl::StatusOr<std::string> RebuildRecords(const std::string& path, const std::string& work);

}  // namespace ronda::store
