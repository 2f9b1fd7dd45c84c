// Small file helpers; errors name the path.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda {

// The whole file. kNotFound, kPermissionDenied, or kResourceExhausted if it holds more than
// `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = 64 << 20);

// Writes to a temporary neighbour, syncs and renames it, so that readers see the old or the new
// content, whole.
absl::Status WriteFileAtomically(const std::string& path, std::string_view content);

absl::Status SyncFile(const std::string& path);
// Makes renames and new files in it durable.
absl::Status SyncFolder(const std::string& dir);

// Makes the folder and its parents, with `mode`, and their names durable; fine if it is there
// already.
absl::Status MakeDirectories(const std::string& path, unsigned mode = 0750);

}  // namespace ronda
