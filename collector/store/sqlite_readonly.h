// Opening a SQLite file without changing anything in its folder.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/sqlite_db.h"

namespace ronda::store {

// A database in WAL mode leaves files behind when it is killed, and SQLite by itself would make or
// remove some when it only reads. So, by what lies beside the file:
//   no -wal, or an empty one and no -shm   immutable: nothing else is looked at
//   -shm                                   a shared, read-only index: a writer may be alive
//   else, or if that cannot be opened      a private copy of database and -wal in TMPDIR
// Test: tests/unit/collector/store/readonly_test.cc.
class ReadOnlyFile {
 public:
  // kNotFound: there is no such file.
  static absl::StatusOr<std::unique_ptr<ReadOnlyFile>> Open(const std::string& path);
  // Removes the copy; the connections must be gone.
  ~ReadOnlyFile();
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  // Another connection. Thread-safe.
  absl::StatusOr<std::unique_ptr<Database>> Connect() const;

 private:
  explicit ReadOnlyFile(std::string path) : path_(std::move(path)) {}
  absl::Status Copy();

  const std::string path_;
  std::string uri_;
  std::string copy_dir_;
};

}  // namespace ronda::store
