#include "common/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"

namespace ronda {
namespace {

absl::Status SyncPath(const std::string& path, int flags) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) {
    return ErrnoStatus(errno, "opening " + path);
  }
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  return fsync(fd) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "syncing " + path);
}

// "." of "a", "/" of "/a", "a" of "a/b".
std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::Status SyncFile(const std::string& path) { return SyncPath(path, 0); }

absl::Status SyncFolder(const std::string& dir) { return SyncPath(dir, O_DIRECTORY); }

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return ErrnoStatus(errno, "opening " + path);
  }
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "reading " + path);
    }
    if (n == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(n));
    if (content.size() > max_bytes) {
      return Fail(absl::StatusCode::kResourceExhausted, "reading {}: larger than {} bytes", path,
                  max_bytes);
    }
  }
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) {
    return ErrnoStatus(errno, "creating " + temporary);
  }
  auto closer = absl::MakeCleanup([fd] { close(fd); });
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "writing " + temporary);
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (fsync(fd) != 0) {
    return ErrnoStatus(errno, "syncing " + temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, "renaming " + temporary + " to " + path);
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path, unsigned mode) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!part.empty() && mkdir(part.c_str(), mode) == 0) {
      RONDA_RETURN_IF_ERROR(SyncFolder(ParentOf(part)));
    } else if (!part.empty() && errno != EEXIST) {
      return ErrnoStatus(errno, "making the folder " + part);
    }
    if (slash == std::string::npos) {
      break;
    }
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Fail(absl::StatusCode::kFailedPrecondition, "{} is not a folder", path);
  }
  return absl::OkStatus();
}

}  // namespace ronda
