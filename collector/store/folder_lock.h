// One collector per data folder.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ronda::store {

// Holds the file LOCK in a data folder, which names this process, until destroyed. The lock is the
// kernel's (an open file description lock, fcntl(2)), so that it ends with the process however
// that ends.
class FolderLock {
 public:
  // kFailedPrecondition: another has it; the message names its process.
  static absl::StatusOr<FolderLock> Take(const std::string& dir);
  // Whether a process has the folder. Changes nothing, not even for a moment, so that it cannot
  // make a collector's start fail.
  static bool IsHeld(const std::string& dir);

  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace ronda::store
