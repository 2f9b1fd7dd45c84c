#include "collector/backup/file_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/base/digest.h"
#include "common/base/status.h"

namespace ronda::backup {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kHeaderBytes = 100;

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "writing " + path);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

// Reads `from` to its end; writes what it reads to `to_fd` if that is not negative.
absl::StatusOr<FileDigest> Pump(const std::string& from, int to_fd, const std::string& to,
                                std::string_view what, const Progress& progress) {
  const int fd = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return ErrnoStatus(errno, "opening " + from);
  }
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  struct stat info {};
  fstat(fd, &info);
  Sha256 sha256;
  FileDigest digest;
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return ErrnoStatus(errno, "reading " + from);
    }
    if (n == 0) {
      break;
    }
    const std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    if (digest.bytes == 0) {
      digest.change_counter = ChangeCounter(bytes);
    }
    sha256.Add(bytes);
    if (to_fd >= 0) {
      RONDA_RETURN_IF_ERROR(WriteAll(to_fd, bytes, to));
    }
    digest.bytes += n;
    progress(what, digest.bytes, std::max<int64_t>(digest.bytes, info.st_size));
  }
  digest.sha256 = sha256.Finish();
  return digest;
}

}  // namespace

int64_t ChangeCounter(std::string_view header) {
  if (header.size() < kHeaderBytes || !header.starts_with("SQLite format 3")) {
    return 0;
  }
  int64_t counter = 0;
  for (size_t i = 24; i < 28; ++i) {
    counter = counter << 8 | static_cast<uint8_t>(header[i]);
  }
  return counter;
}

absl::StatusOr<FileDigest> HashFile(const std::string& path, std::string_view what,
                                    const Progress& progress) {
  return Pump(path, -1, "", what, progress);
}

absl::StatusOr<FileDigest> CopyFile(const std::string& from, const std::string& to,
                                    std::string_view what, const Progress& progress,
                                    unsigned mode) {
  const int fd = open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) {
    return ErrnoStatus(errno, "creating " + to);
  }
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  RONDA_ASSIGN_OR_RETURN(FileDigest digest, Pump(from, fd, to, what, progress));
  if (fsync(fd) != 0) {
    return ErrnoStatus(errno, "syncing " + to);
  }
  return digest;
}

absl::Status RenameFile(const std::string& from, const std::string& to) {
  return rename(from.c_str(), to.c_str()) == 0
             ? absl::OkStatus()
             : ErrnoStatus(errno, "renaming " + from + " to " + to);
}

absl::Status CheckSpace(const std::string& dir, int64_t bytes) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(dir, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "asking for the free space of " + path.string());
  }
  const auto free = static_cast<int64_t>(info.f_bavail * info.f_frsize);
  if (free < bytes) {
    return Fail(absl::StatusCode::kResourceExhausted, "{}: {} MiB are needed and {} MiB are free",
                path.string(), (bytes >> 20) + 1, free >> 20);
  }
  return absl::OkStatus();
}

}  // namespace ronda::backup
