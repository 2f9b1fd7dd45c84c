// Files of /proc and /sys, kept open.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ronda::agent {

// Opens a file once and reads it from the start each time, which for these file systems makes the
// kernel render it anew (Documentation/filesystems/seq_file.rst). Allocates only when the file is
// longer than ever before, and for errors that are not those of the read before. Not thread-safe.
class ProcFile {
 public:
  static constexpr size_t kMaxBytes = 8 << 20;

  explicit ProcFile(std::string path);
  ~ProcFile();
  ProcFile(ProcFile&& other) noexcept;
  ProcFile& operator=(ProcFile&&) = delete;

  // The whole file, valid until the next call. kNotFound: there is no such file (the kernel lacks
  // the feature, the device has gone). kResourceExhausted: longer than kMaxBytes. A file that went
  // away and came back is opened anew.
  absl::Status Read(std::string_view* text);

  // The same, but returns an errno (0 for success) and never allocates for it: for attributes of
  // devices, where errors such as EINVAL just mean "does not apply now".
  int TryRead(std::string_view* text);

  const std::string& path() const { return path_; }

 private:
  int Open();
  void Close();
  int ReadOpened(std::string_view* text);

  const std::string path_;
  int fd_ = -1;
  std::string buffer_;
  int last_errno_ = 0;
  absl::Status last_error_;  // of last_errno_
};

}  // namespace ronda::agent
