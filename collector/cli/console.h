// Where the CLI writes to, and what that place can show.
#pragma once

#include <cstdio>
#include <string_view>

#include "absl/status/status.h"

namespace ronda::cli {

struct Terminal {
  bool colour = false;  // escapes are wanted and understood
  bool utf8 = false;    // of the locale
  int width = 80;
  int height = 24;
};

// Of standard output, of the environment (COLUMNS, LINES, NO_COLOR, TERM) and of the locale. Where
// it is no terminal: 80 x 24 unless COLUMNS says else, without colour.
Terminal DetectTerminal(bool no_color);

// Not thread-safe.
class Console {
 public:
  Console(std::FILE* out, std::FILE* err, const Terminal& terminal)
      : out_(out), err_(err), terminal_(terminal) {}

  // Returns false once writing failed: then nothing more need be made.
  bool Out(std::string_view text);
  // "ronda: text" on standard error.
  void Note(std::string_view text);
  // As it is, on standard error.
  void Err(std::string_view text);
  // After the last write. OK also where the reader went away (head, less): it has what it wanted.
  absl::Status Finish();

  const Terminal& terminal() const { return terminal_; }

 private:
  std::FILE* out_;
  std::FILE* err_;
  Terminal terminal_;
  int error_ = 0;  // errno of the first write that failed
};

}  // namespace ronda::cli
