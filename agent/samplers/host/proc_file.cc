#include "agent/samplers/host/proc_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr size_t kFirstBytes = 1024;

// A read of a seq_file ends at the end of the file, or before a record that does not fit in what is
// left of a page. Records are lines or a few of them: after a read as short as this there is no
// more, and the read that would say so is saved, one system call of two for most files.
constexpr ssize_t kShortRead = 1024;

}  // namespace

ProcFile::ProcFile(std::string path) : path_(std::move(path)) {}

ProcFile::~ProcFile() { Close(); }

ProcFile::ProcFile(ProcFile&& other) noexcept
    : path_(other.path_), fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

absl::Status ProcFile::Read(std::string_view* text) {
  const int error = TryRead(text);
  if (error == 0) {
    return absl::OkStatus();
  }
  if (error != last_errno_) {
    last_errno_ = error;
    last_error_ = error == EFBIG ? Fail(absl::StatusCode::kResourceExhausted,
                                        "reading {}: longer than {} bytes", path_, kMaxBytes)
                                 : ErrnoStatus(error, "reading " + path_);
  }
  return last_error_;
}

int ProcFile::TryRead(std::string_view* text) {
  *text = {};
  const bool was_open = fd_ >= 0;
  if (const int error = Open(); error != 0) {
    return error;
  }
  int error = ReadOpened(text);
  if (error != 0) {
    Close();
    // ENODEV and the like: the device that the descriptor was for has gone; perhaps another with
    // its name has come.
    if (was_open && error != EINVAL && error != EFBIG && Open() == 0) {
      error = ReadOpened(text);
    }
  }
  return error;
}

int ProcFile::Open() {
  if (fd_ < 0) {
    fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  }
  return fd_ < 0 ? errno : 0;
}

void ProcFile::Close() {
  if (fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
}

int ProcFile::ReadOpened(std::string_view* text) {
  size_t size = 0;
  for (;;) {
    if (buffer_.size() < size + kFirstBytes) {
      buffer_.resize(buffer_.size() * 2 + kFirstBytes);
    }
    const ssize_t n =
        pread(fd_, buffer_.data() + size, buffer_.size() - size, static_cast<off_t>(size));
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno;
    }
    if (n == 0) {
      *text = std::string_view(buffer_.data(), size);
      return 0;
    }
    size += static_cast<size_t>(n);
    if (size > kMaxBytes) {
      return EFBIG;
    }
    if (n < kShortRead && size < buffer_.size()) {
      *text = std::string_view(buffer_.data(), size);
      return 0;
    }
  }
}

}  // namespace ronda::agent
