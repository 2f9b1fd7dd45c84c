// Looking through columns of samples: what costs a nanosecond here is most of what a query costs.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/model/sample.h"

namespace ronda::promql {

// The first index from `from` on whose time is later than `t_ms`. In steps that double, so that
// both the next sample and one far away are found soon.
inline size_t FirstAfter(std::span<const int64_t> times, size_t from, int64_t t_ms) {
  size_t step = 1;
  size_t low = from;  // all before it are not later
  while (low + step <= times.size() && times[low + step - 1] <= t_ms) {
    low += step;
    step *= 2;
  }
  const size_t high = std::min(low + step, times.size());
  return static_cast<size_t>(std::upper_bound(times.begin() + static_cast<std::ptrdiff_t>(low),
                                              times.begin() + static_cast<std::ptrdiff_t>(high),
                                              t_ms) -
                             times.begin());
}

// The loops below have no exit in the middle, so that the compiler makes vector instructions of
// them.
inline constexpr size_t kScanBlock = 256;

inline bool HasStale(std::span<const double> values) {
  for (size_t begin = 0; begin < values.size(); begin += kScanBlock) {
    uint64_t found = 0;
    for (const double value : values.subspan(begin, std::min(kScanBlock, values.size() - begin))) {
      found |= static_cast<uint64_t>(std::bit_cast<uint64_t>(value) == kStaleBits);
    }
    if (found != 0) {
      return true;
    }
  }
  return false;
}

// Calls `visit` with each index whose value is less than the one before it.
template <typename Visit>
void ForEachFall(std::span<const double> values, Visit visit) {
  for (size_t begin = 1; begin < values.size(); begin += kScanBlock) {
    const size_t end = std::min(begin + kScanBlock, values.size());
    int falls = 0;
    for (size_t i = begin; i < end; ++i) {
      falls += static_cast<int>(values[i] < values[i - 1]);
    }
    for (size_t i = begin; falls > 0 && i < end; ++i) {
      if (values[i] < values[i - 1]) {
        visit(i);
        --falls;
      }
    }
  }
}

}  // namespace ronda::promql
