// Lines of a file of any size, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::transfer {

// Not thread-safe. Owns the file, but not standard input.
class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = 1 << 20;

  // "-" is standard input. kNotFound, kPermissionDenied.
  static absl::StatusOr<LineReader> Open(const std::string& path);
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader();

  // The next line without its line feed, valid until the next call; false at the end.
  // kInvalidArgument: a line above kMaxLineBytes. Else why reading failed.
  absl::StatusOr<bool> Next(std::string_view* line);

  // For messages: "stdin" or the path.
  const std::string& name() const { return name_; }
  int64_t line_number() const { return line_number_; }
  int64_t bytes_read() const { return bytes_read_; }

 private:
  LineReader(std::FILE* file, std::string name);

  std::FILE* file_;
  std::string name_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // what is not handed out yet
  size_t end_ = 0;
  bool at_end_ = false;
  int64_t line_number_ = 0;
  int64_t bytes_read_ = 0;
};

}  // namespace ronda::transfer
