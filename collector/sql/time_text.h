// Times as SQLite writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ronda::sql {

// The end of the year 9999, beyond which the text has another length.
inline constexpr int64_t kMaxTimeMs = 253'402'300'799'999;

// "2026-11-20 10:00:00.250", UTC, as strftime('%Y-%m-%d %H:%M:%f') gives it: comparisons with
// datetime('now', '-1 hour') mean what they say. Times outside [0, kMaxTimeMs] are cut to it.
std::string TimeText(int64_t t_ms);

// The first time whose text is not less than `text`, or greater than it; kMaxTimeMs + 1 if there is
// none. Any text: '2026-11-20' is the begin of that day.
int64_t FirstTimeNotBefore(std::string_view text);
int64_t FirstTimeAfter(std::string_view text);

}  // namespace ronda::sql
