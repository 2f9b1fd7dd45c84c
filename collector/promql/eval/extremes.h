// The largest and smallest of the parameters that an aggregation has at the steps: what is wrong
// with them is said once and not for each step.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace ronda::promql {

struct Extremes {
  double max = -std::numeric_limits<double>::infinity();  // of those that are numbers
  double min = std::numeric_limits<double>::infinity();
  bool nan = false;
};

inline Extremes ExtremesOf(std::span<const double> values) {
  Extremes extremes;
  for (const double value : values) {
    if (std::isnan(value)) {
      extremes.nan = true;
    } else {
      extremes.max = std::max(extremes.max, value);
      extremes.min = std::min(extremes.min, value);
    }
  }
  return extremes;
}

}  // namespace ronda::promql
