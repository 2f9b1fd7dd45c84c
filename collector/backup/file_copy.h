// Copying and hashing whole files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::backup {

// Told now and then: what is being done ("copying history/recent.db"), and how far it is.
using Progress = std::function<void(std::string_view what, int64_t done_bytes, int64_t all_bytes)>;

struct FileDigest {
  int64_t bytes = 0;
  std::string sha256;
  int64_t change_counter = 0;  // 0 if it is no SQLite file
};

// What SQLite counts in the header of a file. 0 if it is no SQLite file.
int64_t ChangeCounter(std::string_view header);

// Reads the whole file. kNotFound.
absl::StatusOr<FileDigest> HashFile(const std::string& path, std::string_view what,
                                    const Progress& progress);
// Copies to `to`, which is made anew, with `mode`, and durable (its folder is not synced), and
// hashes on the way.
inline constexpr unsigned kSecretMode = 0600;
absl::StatusOr<FileDigest> CopyFile(const std::string& from, const std::string& to,
                                    std::string_view what, const Progress& progress,
                                    unsigned mode = 0640);

absl::Status RenameFile(const std::string& from, const std::string& to);

// kResourceExhausted if the file system of `dir` (or of the nearest folder above that is there) has
// less than `bytes` free.
absl::Status CheckSpace(const std::string& dir, int64_t bytes);

}  // namespace ronda::backup
