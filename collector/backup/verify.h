// Whether a backup is what its manifest says, and can be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/backup/file_copy.h"
#include "collector/backup/manifest.h"

namespace ronda::backup {

struct VerifyResult {
  Manifest manifest;
  int64_t files = 0;
  int64_t bytes = 0;
  int64_t problem_count = 0;
  std::vector<std::string> problems;  // each one line, with the file
};

// Reads every file of a backup: its length and checksum, SQLite's own order in it, every row,
// block and record. Writes nothing. An error says that there is no backup to verify: kNotFound, or
// kDataLoss for a manifest that is damaged.
absl::StatusOr<VerifyResult> VerifyBackup(const std::string& backup_dir, const Progress& progress);

}  // namespace ronda::backup
