#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ronda::bench {

// The value below which that share of the values lies (0.5 is the median); 0 if there are none.
// Reorders them.
inline double Percentile(std::vector<float>* values, double share) {
  if (values->empty()) {
    return 0;
  }
  const auto at = static_cast<ptrdiff_t>(share * static_cast<double>(values->size() - 1));
  std::nth_element(values->begin(), values->begin() + at, values->end());
  return static_cast<double>((*values)[static_cast<size_t>(at)]);
}

}  // namespace ronda::bench
