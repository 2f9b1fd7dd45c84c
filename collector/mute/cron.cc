// Tested by tests/unit/collector/mute/cron_test.cc.
#include "collector/mute/cron.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace ronda::mute {
namespace {

constexpr int kSearchDays = 5 * 366;

struct Field {
  const char* name;
  int min;
  int max;
  std::vector<std::string> names;  // of min, min + 1, ...
};

absl::StatusOr<int> ParseNumber(std::string_view text, const Field& field) {
  const std::string lower = absl::AsciiStrToLower(ToAbsl(text));
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (lower == field.names[i]) {
      return field.min + static_cast<int>(i);
    }
  }
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < field.min ||
      number > field.max) {
    return Fail(absl::StatusCode::kInvalidArgument, "{}: \"{}\" is not one of {} to {}", field.name,
                text, field.min, field.max);
  }
  return number;
}

// "*", "5", "1-5", "*/15", "0-30/10".
template <size_t N>
absl::Status AddPart(std::string_view part, const Field& field, std::bitset<N>* out) {
  int step = 1;
  if (const size_t slash = part.find('/'); slash != std::string_view::npos) {
    Field steps{field.name, 1, field.max, {}};
    RONDA_ASSIGN_OR_RETURN(step, ParseNumber(part.substr(slash + 1), steps));
    part = part.substr(0, slash);
  }
  int first = field.min;
  int last = field.max;
  if (part != "*") {
    const size_t dash = part.find('-');
    RONDA_ASSIGN_OR_RETURN(first, ParseNumber(part.substr(0, dash), field));
    last = step > 1 ? field.max : first;
    if (dash != std::string_view::npos) {
      RONDA_ASSIGN_OR_RETURN(last, ParseNumber(part.substr(dash + 1), field));
    }
  }
  if (last < first) {
    return Fail(absl::StatusCode::kInvalidArgument, "{}: the range {} goes backwards", field.name,
                part);
  }
  for (int i = first; i <= last; i += step) {
    out->set(static_cast<size_t>(i));
  }
  return absl::OkStatus();
}

template <size_t N>
absl::Status ParseField(std::string_view text, const Field& field, std::bitset<N>* out) {
  for (const absl::string_view part : absl::StrSplit(ToAbsl(text), ',')) {
    RONDA_RETURN_IF_ERROR(AddPart(ToStd(part), field, out));
  }
  return absl::OkStatus();
}

// When the clocks of `zone` show it.
int64_t Instant(absl::CivilMinute minute, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(minute));
  return absl::ToUnixMillis(info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre);
}

}  // namespace

absl::StatusOr<Cron> Cron::Parse(std::string_view text) {
  const std::vector<std::string> fields =
      absl::StrSplit(ToAbsl(text), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (fields.size() != 5) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "expected MINUTE HOUR DAY MONTH WEEKDAY, such as \"30 2 * * 0\" for each Sunday at "
                "02:30; there are {} fields",
                fields.size());
  }
  const std::vector<std::string> months = {"jan", "feb", "mar", "apr", "may", "jun",
                                           "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::vector<std::string> weekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  Cron cron;
  RONDA_RETURN_IF_ERROR(ParseField(fields[0], {"minute", 0, 59, {}}, &cron.minutes_));
  RONDA_RETURN_IF_ERROR(ParseField(fields[1], {"hour", 0, 23, {}}, &cron.hours_));
  RONDA_RETURN_IF_ERROR(ParseField(fields[2], {"day", 1, 31, {}}, &cron.days_));
  RONDA_RETURN_IF_ERROR(ParseField(fields[3], {"month", 1, 12, months}, &cron.months_));
  RONDA_RETURN_IF_ERROR(ParseField(fields[4], {"weekday", 0, 7, weekdays}, &cron.weekdays_));
  cron.weekdays_[0] = cron.weekdays_[0] || cron.weekdays_[7];
  cron.any_day_ = fields[2] == "*";
  cron.any_weekday_ = fields[4] == "*";
  return cron;
}

bool Cron::IsDay(absl::CivilDay day) const {
  if (!months_[static_cast<size_t>(day.month())]) {
    return false;
  }
  const bool is_day = days_[static_cast<size_t>(day.day())];
  // absl counts from Monday.
  const size_t weekday = (static_cast<size_t>(absl::GetWeekday(day)) + 1) % 7;
  const bool is_weekday = weekdays_[weekday];
  return any_day_ || any_weekday_ ? is_day && is_weekday : is_day || is_weekday;
}

int64_t Cron::Next(int64_t after_ms, absl::TimeZone zone) const {
  absl::CivilDay day(zone.At(absl::FromUnixMillis(after_ms)).cs);
  int64_t next = INT64_MAX;
  for (int i = 0; i < kSearchDays && next == INT64_MAX; ++i, ++day) {
    if (!IsDay(day)) {
      continue;
    }
    for (int hour = 0; hour < 24; ++hour) {
      for (int minute = 0; hours_[static_cast<size_t>(hour)] && minute < 60; ++minute) {
        if (!minutes_[static_cast<size_t>(minute)]) {
          continue;
        }
        const int64_t t_ms = Instant(absl::CivilMinute(day) + hour * 60 + minute, zone);
        if (t_ms > after_ms) {
          next = std::min(next, t_ms);
        }
      }
    }
  }
  return next;
}

}  // namespace ronda::mute
