// Bringing a backup back, for good or to see that it can be.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "collector/backup/file_copy.h"
#include "collector/backup/manifest.h"
#include "common/base/clock.h"

namespace ronda::backup {

struct RestoreOptions {
  std::string backup_dir;
  std::string data_dir;
  bool replace = false;  // where there is data: move it aside first
  Progress progress = [](std::string_view, int64_t, int64_t) {};
};

struct RestoreResult {
  Manifest manifest;
  std::string safety_copy;  // where the data went that was there; "" if there was none
};

// Verifies the backup, copies it into a folder beside `data_dir`, verifies that, opens it as the
// collector would for reading, and only then gives it the name `data_dir`; data that is there is
// renamed to DATA.before-restore-TIME. Owner and mode of the folder are those of the one before,
// and so is the authority of certificates (trust/) if the backup holds none. An error leaves
// `data_dir` as it is.
//
// kFailedPrecondition: there is data and `replace` is not set, or a collector has the folder.
// kDataLoss: the backup is damaged. kResourceExhausted: no space.
absl::StatusOr<RestoreResult> Restore(const RestoreOptions& options, const Clock& clock);

struct DrillResult {
  Manifest manifest;
  int64_t restore_ms = 0;  // verified copy of all files
  int64_t open_ms = 0;     // to the first answer
  int64_t read_ms = 0;     // every sample, once
  int64_t nodes = 0;
  int64_t series = 0;
  int64_t samples = 0;
  int64_t oldest_ms = 0;
  int64_t newest_ms = 0;
  int64_t alert_events = 0;   // transitions in the log
  int64_t alerts_active = 0;  // kept by the rules: pending, firing or unknown
  int64_t damaged_parts = 0;  // left out while reading
};

// Restores into a new folder below `scratch_dir`, opens that through the store for reading, reads
// all of it, and removes it again. Errors as of Restore.
absl::StatusOr<DrillResult> Drill(const std::string& backup_dir, const std::string& scratch_dir,
                                  const Progress& progress, const Clock& clock);

}  // namespace ronda::backup
