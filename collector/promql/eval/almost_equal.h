// Equality but for rounding.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/model/sample.h"

namespace ronda::promql {

// True if equal (NaN to NaN, a staleness marker to one), or if they differ by less than `epsilon`
// of the smaller one; next to 0, of the smallest normal number.
inline bool AlmostEqual(double a, double b, double epsilon) {
  if (IsStale(a) || IsStale(b)) {
    return IsStale(a) && IsStale(b);
  }
  if ((std::isnan(a) && std::isnan(b)) || a == b) {
    return true;
  }
  constexpr double kSmallest = std::numeric_limits<double>::min();
  const double sum = std::fabs(a) + std::fabs(b);
  const double diff = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < kSmallest) {
    return diff < epsilon * kSmallest;
  }
  return diff / std::min(sum, std::numeric_limits<double>::max()) < epsilon;
}

}  // namespace ronda::promql
