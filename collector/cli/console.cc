#include "collector/cli/console.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <string>

#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr int kMinWidth = 20;
constexpr int kMaxWidth = 1000;

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// A number of the environment within the bounds, or 0.
int Size(const char* name) {
  const std::string text(Environment(name));
  const int64_t value = std::strtol(text.c_str(), nullptr, 10);
  return value >= kMinWidth && value <= kMaxWidth ? static_cast<int>(value) : 0;
}

}  // namespace

Terminal DetectTerminal(bool no_color) {
  Terminal terminal;
  std::setlocale(LC_CTYPE, "");
  terminal.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  if (isatty(STDOUT_FILENO) != 0) {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= kMinWidth) {
      terminal.width = size.ws_col;
      terminal.height = size.ws_row;
    }
    terminal.colour = !no_color && Environment("NO_COLOR").empty() && Environment("TERM") != "dumb";
  } else if (const int columns = Size("COLUMNS")) {
    terminal.width = columns;
  }
  return terminal;
}

bool Console::Out(std::string_view text) {
  if (error_ == 0 && std::fwrite(text.data(), 1, text.size(), out_) != text.size()) {
    error_ = errno;
  }
  return error_ == 0;
}

void Console::Err(std::string_view text) {
  // Where standard error is gone there is nobody to tell.
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), err_));
}

void Console::Note(std::string_view text) {
  Err("ronda: ");
  Err(text);
  Err("\n");
}

absl::Status Console::Finish() {
  if (error_ == 0 && std::fflush(out_) != 0) {
    error_ = errno;
  }
  if (error_ == 0 || error_ == EPIPE) {
    return absl::OkStatus();
  }
  return ErrnoStatus(error_, "writing the answer");
}

}  // namespace ronda::cli
