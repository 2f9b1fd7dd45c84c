// Logging. One line per event: "[timestamp] [level] component: message key=value ...", to standard
// error, or the same as a JSON object {"time","level","component","message"}. Nothing is logged per
// sample. Every message passes MaskSecrets().
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace ronda::obs {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;          // one JSON object a line
  std::string file = {};      // appended to; "" is standard error
  std::string timezone = {};  // IANA name of the zone of the time stamps; "" is the machine's
};

// Sets the process's logger, at the start or again later. Before it is called, warnings and errors
// go to standard error. kInvalidArgument for a zone that is not known, or the file's error; then
// the logger stays as it was.
absl::Status InitLogging(const LogOptions& options);

// Thread-safe. `component` is the folder's name: "ingest", "store", ... A line break in a message
// (some libraries' errors hold them) becomes a space, so that an event stays one line.
void Log(LogLevel level, std::string_view component, std::string_view message);
bool LogEnabled(LogLevel level);

template <typename... Args>
void Debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(LogLevel::kDebug)) {
    Log(LogLevel::kDebug, component, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <typename... Args>
void Info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void Warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void Error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, component, fmt::format(format, std::forward<Args>(args)...));
}

// `text` in double quotes, escaped as JSON (RFC 8259); bytes that are not UTF-8 become U+FFFD.
std::string QuoteJson(std::string_view text);

}  // namespace ronda::obs
