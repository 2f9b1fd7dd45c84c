#include "collector/cli/times.h"

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::cli {
namespace {

// The end of the year 9999.
constexpr int64_t kMaxTimeMs = 253'402'300'799'999;

std::optional<double> ParsePlain(std::string_view text) {
  double value = 0;
  const auto [p, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || p != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> ParseCivil(std::string_view text, absl::TimeZone zone) {
  // %Ez also takes Z; %E*S also takes whole seconds.
  for (const char* format :
       {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M%Ez",
        "%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%E*S"}) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(format, ToAbsl(text), zone, &time, &error)) {
      return absl::ToUnixMillis(time);
    }
  }
  return std::nullopt;
}

std::optional<int64_t> ParseAnyTime(std::string_view text, int64_t now_ms, absl::TimeZone zone) {
  if (text == "now") {
    return now_ms;
  }
  if (text.size() > 1 && text.front() == '-') {
    const absl::StatusOr<int64_t> back = ParseDuration(text.substr(1));
    return back.ok() ? std::optional<int64_t>(now_ms - *back) : std::nullopt;
  }
  if (const std::optional<double> seconds = ParsePlain(text)) {
    const double ms = std::round(*seconds * 1000);
    return ms <= static_cast<double>(kMaxTimeMs) ? std::optional(static_cast<int64_t>(ms))
                                                 : std::nullopt;
  }
  return ParseCivil(text, zone);
}

// A window that is told by its length begins at a whole step, as those of charts do: of whole
// minutes the store has roll-ups. With steps of more than an hour the begin would be too far from
// what was asked for.
bool BeginsAtWholeStep(int64_t step_ms) {
  constexpr int64_t kMinuteMs = 60'000;
  return step_ms > 0 && step_ms % kMinuteMs == 0 && step_ms <= 60 * kMinuteMs;
}

absl::Status CheckExclusive(const WindowArgs& args) {
  const bool window = !args.since.empty() || !args.from.empty() || !args.to.empty();
  if (!args.at.empty() && (window || !args.step.empty())) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "--at names one instant: it goes with none of --since, --from, --to, --step");
  }
  if (!args.since.empty() && !args.from.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "--since and --from both name the window's begin: give one of them");
  }
  if (args.since.empty() && args.from.empty() && !args.to.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "--to needs the window's begin: --from or --since");
  }
  if (!args.step.empty() && !window) {
    return Fail(absl::StatusCode::kInvalidArgument, "--step needs a window: --since or --from");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<absl::TimeZone> LoadZone(const std::string& name) {
  if (name.empty()) {
    return absl::LocalTimeZone();
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "time zone \"{}\" is not known: a name like Asia/Jakarta or Europe/Berlin is meant",
                name);
  }
  return zone;
}

absl::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now_ms, absl::TimeZone zone) {
  const std::optional<int64_t> t_ms = ParseAnyTime(text, now_ms, zone);
  if (!t_ms.has_value() || *t_ms < 0 || *t_ms > kMaxTimeMs) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is not a time: now, -15m, 2026-11-20T10:00, 2026-11-20T10:00:00Z and Unix "
                "seconds are",
                text);
  }
  return *t_ms;
}

absl::StatusOr<int64_t> ParseDuration(std::string_view text) {
  std::optional<int64_t> ms;
  if (const std::optional<double> seconds = ParsePlain(text)) {
    ms = *seconds < static_cast<double>(kMaxTimeMs) / 1000
             ? static_cast<int64_t>(std::round(*seconds * 1000))
             : 0;
  } else {
    ms = promql::ParseDurationMs(text);
  }
  if (!ms.has_value() || *ms <= 0 || *ms > kMaxTimeMs) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "\"{}\" is not a duration above zero: 250ms, 90s, 15m, 1h30m, 2d and seconds are",
                text);
  }
  return *ms;
}

absl::StatusOr<Window> ParseWindow(const WindowArgs& args, int64_t now_ms, absl::TimeZone zone) {
  RONDA_RETURN_IF_ERROR(CheckExclusive(args));
  Window window;
  window.to_ms = now_ms;
  const std::string& end = args.at.empty() ? args.to : args.at;
  if (!end.empty()) {
    RONDA_ASSIGN_OR_RETURN(window.to_ms, ParseTime(end, now_ms, zone));
  }
  if (!args.since.empty()) {
    std::string_view since = args.since;
    since.remove_prefix(since.front() == '-' ? 1 : 0);
    RONDA_ASSIGN_OR_RETURN(const int64_t length_ms, ParseDuration(since));
    window.from_ms = std::max<int64_t>(window.to_ms - length_ms, 0);
  } else if (!args.from.empty()) {
    RONDA_ASSIGN_OR_RETURN(window.from_ms, ParseTime(args.from, now_ms, zone));
  } else {
    window.instant = true;
    return window;
  }
  if (!args.step.empty()) {
    RONDA_ASSIGN_OR_RETURN(window.step_ms, ParseDuration(args.step));
  }
  if (!args.since.empty() && BeginsAtWholeStep(window.step_ms)) {
    window.from_ms -= window.from_ms % window.step_ms;
  }
  if (window.from_ms >= window.to_ms) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the window is empty: it would end at {}, not "
                "after its begin at {}",
                FormatInstant(window.to_ms, zone), FormatInstant(window.from_ms, zone));
  }
  return window;
}

std::string FormatPattern(std::string_view pattern, int64_t t_ms, absl::TimeZone zone) {
  return absl::FormatTime(ToAbsl(pattern), absl::FromUnixMillis(t_ms), zone);
}

std::string FormatRfc3339(int64_t t_ms, absl::TimeZone zone) {
  std::string text = FormatPattern("%Y-%m-%dT%H:%M:%E3S%Ez", t_ms, zone);
  if (text.size() > 6 && text.compare(text.size() - 6, 6, "+00:00") == 0) {
    text.replace(text.size() - 6, 6, "Z");
  }
  return text;
}

std::string FormatSecond(int64_t t_ms, absl::TimeZone zone) {
  return FormatPattern("%Y-%m-%d %H:%M:%S", t_ms, zone);
}

std::string FormatInstant(int64_t t_ms, absl::TimeZone zone) {
  return FormatPattern(t_ms % 1000 == 0 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M:%E3S", t_ms, zone);
}

std::string FormatUnixSeconds(int64_t t_ms) {
  std::string text =
      fmt::format("{}{}.{:03}", t_ms < 0 ? "-" : "", std::abs(t_ms / 1000), std::abs(t_ms % 1000));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text;
}

}  // namespace ronda::cli
