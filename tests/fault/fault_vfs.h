// A SQLite VFS that can cut the power, or fail, at the n-th call of a workload.
//
// It passes everything through to the files, and remembers beside it what a disk would still hold
// if the power went: of each file the content that was synced, and the writes, truncations and
// deletions since. After a cut nothing reaches the files any more, and Survivors() makes what the
// disk may hold: what was synced, and any of the rest, in any order, torn at sectors of 512 bytes.
//
// A sync that fails drops what it should have written, as Linux does: a later sync that succeeds
// does not bring that back.
//
// A deletion may come undone until the folder is synced, which SQLite does with the first sync of
// each WAL that it makes. Not modelled: folders that lose the name of a file that was synced;
// journalling file systems do not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace ronda::store {

enum class FaultKind { kNone, kPowerCut, kIoError, kDiskFull };

struct FaultPlan {
  FaultKind kind = FaultKind::kNone;
  int64_t at_call =
      0;              // the first that fails; writes, syncs, truncations and deletions are counted
  bool once = false;  // else until Mend(); a power cut always lasts
};

// What of the unsynced operations the disk holds.
enum class Survival {
  kNothing,
  kAll,
  kPrefix,  // up to one of them, which is torn
  kAny,     // any of them, each whole or torn
};

// One at a time in a process. While it lives it is SQLite's default VFS. Thread-safe.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // Forgets all files and counts from 1 again. No database may be open.
  void Begin(const FaultPlan& plan);
  // The same without forgetting: while databases are open.
  void Arm(const FaultPlan& plan);
  // The fault ends. Not for a power cut.
  void Mend();
  int64_t calls() const;
  // Whether the fault has happened.
  bool struck() const;
  // What the call that was struck was: "write ronda.db-wal".
  std::string struck_call() const;

  // Writes what the disk may hold of the files below `from` into `to`. The same seed makes the
  // same.
  absl::Status Survivors(const std::string& from, const std::string& to, Survival survival,
                         uint64_t seed) const;

  // What the disk holds of one file.
  struct Change {
    enum class Kind { kWrite, kTruncate, kDelete };
    Kind kind{};
    uint64_t offset = 0;  // of a truncation: the size
    std::string bytes;
    bool dropped = false;  // by a sync that failed
  };
  struct File {
    std::optional<std::string> durable;  // nullopt: not there
    std::vector<Change> pending;
  };

  // --- for the VFS's functions ---
  // SQLITE_OK, or how the call is to fail.
  int Enter(const std::string& path, const char* what);
  void Opened(const std::string& path);
  void Changed(const std::string& path, Change change);
  void Synced(const std::string& path, bool ok);
  // The folder that `path` is in: what was deleted there stays so.
  void FolderSynced(const std::string& path);
  int last_errno() const;

 private:
  mutable Mutex mu_;
  FaultPlan plan_ ABSL_GUARDED_BY(mu_);
  int64_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::string struck_call_ ABSL_GUARDED_BY(mu_);
  int last_errno_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::store
