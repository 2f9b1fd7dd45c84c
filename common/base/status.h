// Helpers around absl::Status. The error policy (which cause has which code, and what the caller
// does about it) is the table in README.md, "Errors".
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda {

// A status from a format string: Fail(absl::StatusCode::kNotFound, "node {} is not known", name).
// Messages are lower case, say what was attempted on what, and hold no secret.
absl::Status MakeStatus(absl::StatusCode code, std::string_view message);

template <typename... Args>
absl::Status Fail(absl::StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return MakeStatus(code, fmt::format(format, std::forward<Args>(args)...));
}

// The message as a std::string_view: absl::string_view is another type on Debian 12.
std::string_view Message(const absl::Status& status);

// The same code with "context: " in front of the message; OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// "reading /proc/stat: No such file or directory", with the code that belongs to `error_number`.
absl::Status ErrnoStatus(int error_number, std::string_view context);

}  // namespace ronda

#define RONDA_RETURN_IF_ERROR(expr)      \
  do {                                   \
    absl::Status ronda_status_ = (expr); \
    if (!ronda_status_.ok()) {           \
      return ronda_status_;              \
    }                                    \
  } while (false)

#define RONDA_CONCAT_INNER_(a, b) a##b
#define RONDA_CONCAT_(a, b) RONDA_CONCAT_INNER_(a, b)
#define RONDA_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                            \
  if (!tmp.ok()) {                              \
    return tmp.status();                        \
  }                                             \
  lhs = std::move(tmp).value()
// RONDA_ASSIGN_OR_RETURN(auto file, OpenFile(path));
#define RONDA_ASSIGN_OR_RETURN(lhs, expr) \
  RONDA_ASSIGN_OR_RETURN_(RONDA_CONCAT_(ronda_statusor_, __LINE__), lhs, expr)
