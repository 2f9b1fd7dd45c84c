// Telling people how far a long work is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ronda::cli {

// Writes to standard error: on a terminal one line that changes, elsewhere a line each 10 seconds.
// Short work says nothing.
class ProgressLine {
 public:
  ProgressLine();
  // Wipes the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // all 0: not known.
  void Tell(std::string_view what, int64_t done_bytes, int64_t all_bytes);

 private:
  const bool terminal_;
  int64_t next_ms_;
  size_t width_ = 0;  // of what is on the line
};

}  // namespace ronda::cli
