// Moves the WAL of ronda.db into the database, on a thread of its own, so that no commit waits.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "collector/store/disk_space.h"
#include "collector/store/sqlite_db.h"
#include "common/base/mutex.h"

namespace ronda::store {

// Once a second what can be moved without waiting; and when the WAL is large nevertheless, because
// readers held it, once with waiting for them. While the disk is full, nothing that might take half
// of the room that is left: half a checkpoint takes it and gives none back.
class Checkpointer {
 public:
  static absl::StatusOr<std::unique_ptr<Checkpointer>> Open(const std::string& path,
                                                            const DiskSpace& disk);
  ~Checkpointer() { Stop(); }

  void Start();
  void Stop();

 private:
  Checkpointer(std::unique_ptr<Database> db, const DiskSpace& disk)
      : db_(std::move(db)), disk_(disk) {}
  void Run();

  std::unique_ptr<Database> db_;  // the thread's
  const DiskSpace& disk_;
  Mutex mu_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace ronda::store
