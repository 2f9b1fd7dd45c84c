// Backups of a data folder, beside a running collector or without one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/backup/file_copy.h"
#include "collector/backup/manifest.h"
#include "common/base/clock.h"

namespace ronda::backup {

struct BackupOptions {
  std::string data_dir;
  std::string backup_dir;  // made if absent; of one data folder alone
  bool full = false;       // read closed files again even where nothing says that they changed
  Progress progress = [](std::string_view, int64_t, int64_t) {};
  std::function<void()> between_for_test = [] {};  // LiveCopy
};

struct BackupResult {
  Manifest manifest;
  int64_t copied_files = 0;
  int64_t copied_bytes = 0;
  int64_t kept_files = 0;     // as they were in the backup before
  int64_t removed_files = 0;  // of that backup, which this one does not have
};

// Brings the backup in `backup_dir` up to date with `data_dir`. Everything acknowledged before the
// call is in it. Closed history files whose size, time and change counter are those of the backup
// before are kept; the live ones are copied each time. The authority of certificates (trust/) is in
// it, its private keys too, with mode 0600: whoever has the backup can sign for any node or person.
// So are the hashes of the tokens of HTTP, where they are in the data folder (not a file that
// http.token_file names elsewhere).
//
// The backup that is there stays whole until the new manifest is durable, and only then are files
// that it alone had removed. An interrupted call can simply be made again.
//
// kNotFound: no data. kFailedPrecondition: backup_dir is in use, is something else, is of another
// data folder, or lies in the data folder. kResourceExhausted: no space.
absl::StatusOr<BackupResult> MakeBackup(const BackupOptions& options, const Clock& clock);

}  // namespace ronda::backup
