// Units of a series: between doubles and the integers that travel. FORMAT.md, "Units".
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "common/codec/frame_format.h"

namespace ronda::codec {

// All are exact doubles.
inline constexpr std::array<double, 16> kPowersOfTen = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

inline bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

inline bool IsUnit(uint8_t unit) { return unit <= kUnitMaxDecimal || unit > kUnitShift; }

// The value of integer m in a unit for which IsUnit() holds.
inline double FromUnit(uint8_t unit, int64_t m) {
  const auto x = static_cast<double>(m);
  if (unit == 0) {
    return x;
  }
  return unit <= kUnitMaxDecimal ? x / kPowersOfTen[unit]
                                 : x * static_cast<double>(uint64_t{1} << (unit - kUnitShift));
}

// True, with the integer, if `unit` gives `value` back to the bit.
inline bool FitsUnit(uint8_t unit, double value, int64_t* m) {
  constexpr auto kLimit = static_cast<double>(kIntegerLimit);
  double x = value;
  if (unit > kUnitShift) {
    x /= static_cast<double>(uint64_t{1} << (unit - kUnitShift));
  } else if (unit > 0) {
    x = value * kPowersOfTen[unit];
    x += std::copysign(0.5, x);
  }
  if (!(std::fabs(x) < kLimit)) {
    return false;
  }
  *m = static_cast<int64_t>(x);
  return SameBits(FromUnit(unit, *m), value);
}

}  // namespace ronda::codec
