// spool.db: runs that wait for their acknowledgement, on disk. Grammar: FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/spool/run.h"

namespace ronda::agent {

// Of one thread at a time. Nobody else has the file while it is open.
//
// Errors: kResourceExhausted (the disk is full), kDataLoss (the file or a row is damaged),
// kUnavailable (another process has it), kPermissionDenied, kFailedPrecondition (written by a later
// version, or for another node), kUnknown (the disk fails).
class SpoolFile {
 public:
  struct Options {
    std::string path;
    std::string node;
    // Tests: limit the file to so many pages, as a full disk does. 0: no limit.
    int64_t max_pages_for_test = 0;
  };
  // Opens or makes the file, and its folder.
  static absl::StatusOr<std::unique_ptr<SpoolFile>> Open(const Options& options);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  struct Listing {
    std::vector<KeptRun> runs;
    // Of which a row is damaged; `runs` does not have them.
    std::vector<SpoolWork::Run> damaged;
    // Epochs that were stopped in order.
    std::vector<EpochId> stopped;
  };
  // Reads everything. kDataLoss: the file itself is damaged.
  absl::StatusOr<Listing> List();

  // Removes, then writes, in one transaction. After a kill of the process all of it is there; with
  // `sync` after a loss of power too.
  absl::Status Write(const std::vector<SpoolWork::Run>& remove, const std::vector<Piece>& write,
                     bool sync);

  // Notes that the agent of this epoch stops in order; durable at once. Of those before only the
  // newest are kept.
  absl::Status MarkStopped(const EpochId& epoch);

  // kDataLoss if a row or a frame is damaged, or the first row is not there.
  absl::StatusOr<std::vector<KeptFrame>> ReadRun(const SpoolWork::Run& run);

  // True if it holds no frames.
  absl::StatusOr<bool> Empty();

  // Content that was written through this object, and transactions.
  int64_t written_bytes() const { return written_bytes_; }
  int64_t writes() const { return writes_; }

 private:
  struct Db;
  explicit SpoolFile(std::unique_ptr<Db> db);
  absl::Status SetSync(bool sync);
  absl::StatusOr<std::vector<EpochId>> ListStopped();
  absl::Status WritePiece(const Piece& piece);
  absl::Status WriteAll(const std::vector<SpoolWork::Run>& remove, const std::vector<Piece>& write);

  std::unique_ptr<Db> db_;
  int64_t written_bytes_ = 0;
  int64_t writes_ = 0;
};

bool SpoolFileExists(const std::string& path);
// Removes the file, and what SQLite keeps beside it; nobody may have it open.
absl::Status RemoveSpoolFile(const std::string& path);
// Renames it, in place of an older one of the new name.
absl::Status RenameSpoolFile(const std::string& path, const std::string& to);

}  // namespace ronda::agent
