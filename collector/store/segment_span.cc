#include "collector/store/segment_span.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/strings.h"

namespace ronda::store {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kWindowHours = kWindowMs / kHourMs;

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && absl::SimpleAtoi(ToAbsl(text), &value) ? std::optional<int64_t>(value)
                                                          : std::nullopt;
}

}  // namespace

SegmentSpan SpanOf(int64_t window, int64_t windows) {
  const int64_t rest = ((window % windows) + windows) % windows;
  return {window - rest, windows};
}

std::string SegmentFileName(const SegmentSpan& span) {
  const absl::CivilHour hour =
      absl::ToCivilHour(absl::FromUnixMillis(span.start_ms()), absl::UTCTimeZone());
  return fmt::format("{:04}{:02}{:02}T{:02}-{}h.db", hour.year(), hour.month(), hour.day(),
                     hour.hour(), span.windows * kWindowHours);
}

std::optional<SegmentSpan> ParseSegmentFileName(std::string_view name,
                                                std::span<const int64_t> spans) {
  constexpr std::string_view kPattern = "YYYYMMDDTHH-";
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash + 1 < kPattern.size() || !name.ends_with("h.db")) {
    return std::nullopt;
  }
  // Years before 1000 and after 9999 have a sign or another length; the rest counts from the dash.
  const std::string_view day = name.substr(0, dash);
  const size_t n = day.size();
  const auto year = Number(day.substr(0, n - 7));
  const auto month = Number(day.substr(n - 7, 2));
  const auto mday = Number(day.substr(n - 5, 2));
  const auto hour = Number(day.substr(n - 2, 2));
  const auto hours = Number(name.substr(dash + 1, name.size() - dash - 1 - 4));
  if (!year || !month || !mday || !hour || !hours || day[n - 3] != 'T') {
    return std::nullopt;
  }
  const absl::CivilHour start(*year, *month, *mday, *hour);
  const int64_t start_ms = absl::ToUnixMillis(absl::FromCivil(start, absl::UTCTimeZone()));
  for (const int64_t windows : spans) {
    const SegmentSpan span = SpanOf(WindowOf(start_ms + 1), windows);
    if (*hours == windows * kWindowHours && SegmentFileName(span) == name) {
      return span;
    }
  }
  return std::nullopt;
}

}  // namespace ronda::store
