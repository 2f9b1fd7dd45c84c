#include "common/config/log_options.h"

namespace ronda::config {

Type<obs::LogOptions> LogType() {
  using obs::LogLevel;
  using obs::LogOptions;
  return Object<LogOptions>()
      .Add("level", &LogOptions::level,
           OneOf<LogLevel>({{"debug", LogLevel::kDebug},
                            {"info", LogLevel::kInfo},
                            {"warn", LogLevel::kWarn},
                            {"error", LogLevel::kError}}),
           "the least important messages that are written")
      .Add("format", &LogOptions::json, OneOf<bool>({{"text", false}, {"json", true}}),
           "lines for people, or one JSON object a line")
      .Add("file", &LogOptions::file, String(nullptr, "path"),
           "append to this file; \"\" is standard error")
      .Build();
}

}  // namespace ronda::config
