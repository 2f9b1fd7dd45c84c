// Logging. One line per event: "[timestamp] [LEVEL] component: message key=value ...", to standard
// error. Nothing is logged per sample; secrets never reach a message.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace ronda::obs {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;     // one JSON object a line
  std::string file;      // "" is standard error
  std::string timezone;  // of the time stamps; "" is the machine's
};

// Sets the process's logger. Before it is called, warnings and errors go to standard error.
void InitLogging(const LogOptions& options);

// Thread-safe. `component` is the folder's name: "ingest", "store", ...
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

}  // namespace ronda::obs
