// Times as people type and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ronda::cli {

// The zone by its IANA name; "" is the machine's (TZ, /etc/localtime). kInvalidArgument.
absl::StatusOr<absl::TimeZone> LoadZone(const std::string& name);

// "now", "-15m" (before now), "2026-11-20", "2026-11-20T10:00[:00[.250]]" (in `zone`, or with Z or
// +07:00), Unix seconds ("1795132800.5"). Milliseconds since the epoch. kInvalidArgument.
absl::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now_ms, absl::TimeZone zone);

// "90s", "1h30m", "2d", or plain seconds ("5", "0.5"); above zero. kInvalidArgument.
absl::StatusOr<int64_t> ParseDuration(std::string_view text);

// What the options --since, --from, --to, --at, --step say.
struct WindowArgs {
  std::string since;
  std::string from;
  std::string to;
  std::string at;
  std::string step;

  bool empty() const { return since.empty() && from.empty() && to.empty() && at.empty(); }
  bool operator==(const WindowArgs&) const = default;
};

struct Window {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t step_ms = 0;   // 0: none
  bool instant = false;  // at to_ms; from_ms is unused
};

// Without any of the options: an instant, now. --since counts back from --to, which is now unless
// given. kInvalidArgument: options that exclude each other, an empty window, a bad time.
absl::StatusOr<Window> ParseWindow(const WindowArgs& args, int64_t now_ms, absl::TimeZone zone);

// "2026-11-20T10:00:00.250Z" or with the zone's offset (RFC 3339): for machines.
std::string FormatRfc3339(int64_t t_ms, absl::TimeZone zone);
// "2026-11-20 10:00:00": for people.
std::string FormatSecond(int64_t t_ms, absl::TimeZone zone);
// The same with milliseconds where they are not 0.
std::string FormatInstant(int64_t t_ms, absl::TimeZone zone);
// As strftime (absl::FormatTime).
std::string FormatPattern(std::string_view pattern, int64_t t_ms, absl::TimeZone zone);
// Seconds with up to three decimals: "1795132800.25".
std::string FormatUnixSeconds(int64_t t_ms);

}  // namespace ronda::cli
