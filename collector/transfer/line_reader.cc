#include "collector/transfer/line_reader.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace ronda::transfer {
namespace {

constexpr size_t kBufferBytes = 256 << 10;

}  // namespace

LineReader::LineReader(std::FILE* file, std::string name)
    : file_(file), name_(std::move(name)), buffer_(kBufferBytes) {}

LineReader::LineReader(LineReader&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_),
      at_end_(other.at_end_),
      line_number_(other.line_number_),
      bytes_read_(other.bytes_read_) {}

LineReader::~LineReader() {
  if (file_ != nullptr && file_ != stdin) {
    std::fclose(file_);
  }
}

absl::StatusOr<LineReader> LineReader::Open(const std::string& path) {
  if (path == "-") {
    return LineReader(stdin, "stdin");
  }
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    return ErrnoStatus(errno, "opening " + path);
  }
  return LineReader(file, path);
}

absl::StatusOr<bool> LineReader::Next(std::string_view* line) {
  size_t searched = 0;
  for (;;) {
    const char* from = buffer_.data() + begin_;
    const size_t held = end_ - begin_;
    const auto* feed =
        static_cast<const char*>(std::memchr(from + searched, '\n', held - searched));
    if (feed != nullptr || (at_end_ && held > 0)) {
      const size_t size = feed != nullptr ? static_cast<size_t>(feed - from) : held;
      *line = std::string_view(from, size);
      begin_ += size + (feed != nullptr ? 1 : 0);
      ++line_number_;
      return true;
    }
    if (at_end_) {
      return false;
    }
    searched = held;
    if (held > kMaxLineBytes) {
      return Fail(absl::StatusCode::kInvalidArgument, "{}:{}: a line of more than {} bytes", name_,
                  line_number_ + 1, kMaxLineBytes);
    }
    std::memmove(buffer_.data(), from, held);
    begin_ = 0;
    end_ = held;
    if (end_ == buffer_.size()) {
      buffer_.resize(2 * buffer_.size());
    }
    const size_t n = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_);
    if (n == 0 && std::ferror(file_) != 0) {
      return ErrnoStatus(errno, "reading " + name_);
    }
    at_end_ = n == 0;
    end_ += n;
    bytes_read_ += static_cast<int64_t>(n);
  }
}

}  // namespace ronda::transfer
