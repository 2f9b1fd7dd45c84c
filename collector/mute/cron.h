// Times that come again, as cron has them.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ronda::mute {

// "MINUTE HOUR DAY MONTH WEEKDAY", each "*", numbers, names (jan, mon), ranges, steps and lists:
// "30 2 * * 0" is each Sunday at 02:30, "0 */6 1-7 * mon-fri" each six hours on the first seven
// days of a month and on workdays (as in cron, either of the two days will do if both are given).
// Weekdays are 0 to 7, Sunday is 0 and 7.
class Cron {
 public:
  // kInvalidArgument: which field is wrong.
  static absl::StatusOr<Cron> Parse(std::string_view text);

  // The first time after `after_ms` on the clocks of `zone`; INT64_MAX if there is none in the next
  // five years (the 30th of February). A time that the clocks skip is the moment of the jump; of
  // one that they show twice it is the first.
  int64_t Next(int64_t after_ms, absl::TimeZone zone) const;

 private:
  bool IsDay(absl::CivilDay day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;  // Sunday is 0
  bool any_day_ = false;
  bool any_weekday_ = false;
};

}  // namespace ronda::mute
