#include "collector/sql/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ronda::sql {
namespace {

constexpr int64_t kDayMs = 86'400'000;

// Text order is time order: the first time of which `holds` is true.
template <typename F>
int64_t FirstTime(const F& holds) {
  int64_t low = 0;
  int64_t high = kMaxTimeMs + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (holds(TimeText(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

std::string TimeText(int64_t t_ms) {
  const int64_t t = std::clamp<int64_t>(t_ms, 0, kMaxTimeMs);
  // The civil date of a day number, by 400-year eras that begin on the first of March.
  const int64_t z = t / kDayMs + 719'468;
  const int64_t era = z / 146'097;
  const int64_t day_of_era = z % 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  const int64_t rest = t % kDayMs;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", year, month, day,
                     rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

int64_t FirstTimeNotBefore(std::string_view text) {
  return FirstTime([&](const std::string& t) { return t >= text; });
}

int64_t FirstTimeAfter(std::string_view text) {
  return FirstTime([&](const std::string& t) { return t > text; });
}

}  // namespace ronda::sql
