#include "collector/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "collector/cli/report.h"
#include "collector/cli/units.h"
#include "common/base/clock.h"

namespace ronda::cli {
namespace {

constexpr int64_t kTerminalMs = 200;
constexpr int64_t kLogMs = 10'000;

}  // namespace

ProgressLine::ProgressLine()
    : terminal_(isatty(STDERR_FILENO) != 0),
      next_ms_(SystemClock().MonotonicMs() + (terminal_ ? kTerminalMs : kLogMs)) {}

ProgressLine::~ProgressLine() {
  if (width_ > 0) {
    std::fprintf(stderr, "\r%*s\r", static_cast<int>(width_), "");
  }
}

void ProgressLine::Tell(std::string_view what, int64_t done_bytes, int64_t all_bytes) {
  const int64_t now = SystemClock().MonotonicMs();
  if (now < next_ms_) {
    return;
  }
  next_ms_ = now + (terminal_ ? kTerminalMs : kLogMs);
  std::string text = "ronda: " + std::string(what);
  if (all_bytes > 0) {
    text += fmt::format(": {} %", done_bytes * 100 / all_bytes);
  }
  const size_t width = DisplayWidth(text);
  if (terminal_) {
    std::fprintf(stderr, "\r%s%*s", text.c_str(),
                 static_cast<int>(width_ > width ? width_ - width : 0), "");
    width_ = width;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
}

}  // namespace ronda::cli
