#include "collector/store/folder_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "common/base/status.h"

namespace ronda::store {
namespace {

struct flock WholeFile(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string Holder(int fd) {
  char buffer[32];
  const ssize_t n = pread(fd, buffer, sizeof(buffer), 0);
  std::string_view text(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  text = text.substr(0, text.find('\n'));
  return text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos
             ? "unknown"
             : std::string(text);
}

}  // namespace

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& dir) {
  const std::string path = dir + "/LOCK";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return ErrnoStatus(errno, "opening " + path);
  }
  FolderLock held(fd);
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "opening {}: another process has this data folder (pid {})", dir, Holder(fd));
    }
    return ErrnoStatus(errno, "locking " + path);
  }
  // Only for the message above: on a full disk the lock holds without it.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (pwrite(fd, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size()) &&
      ftruncate(fd, static_cast<off_t>(pid.size())) != 0) {
    return ErrnoStatus(errno, "writing " + path);
  }
  return held;
}

bool FolderLock::IsHeld(const std::string& dir) {
  const int fd = open((dir + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  struct flock lock = WholeFile(F_RDLCK);
  const bool held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return held;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace ronda::store
