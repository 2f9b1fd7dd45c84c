// What functions make of the samples in a window. Pure: no state but the samples.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collector/promql/functions.h"

namespace ronda::promql {

// The samples with begin_ms < t <= end_ms, oldest first, none stale; for the step at `t_ms`.
struct WindowSamples {
  std::span<const int64_t> t_ms;
  std::span<const double> values;
  int64_t begin_ms;
  int64_t end_ms;
  int64_t step_t_ms;
  // The samples after which the value fell, that is the counter began anew, in the whole series, as
  // indexes into the series; `first` is the index of the window's first sample.
  std::span<const size_t> resets;
  size_t first;

  size_t size() const { return values.size(); }
};

// One window's value; nothing if there are too few samples. `params` are the scalars of the call in
// their order. Not for absent_over_time.
using WindowFunction = std::optional<double> (*)(const WindowSamples& window,
                                                 std::span<const double> params);
WindowFunction FindWindowFunction(FunctionId id);

// The change between the first and the last sample of a window.
struct WindowChange {
  int64_t count;  // of the samples
  int64_t first_ms;
  int64_t last_ms;
  double first;   // the first value
  double change;  // of a counter with what its resets took away
  int64_t begin_ms;
  int64_t end_ms;
};
// The change extended to the ends of the window: all the way where a sample is as near to the end
// as samples usually are to each other, else by half of that; and a counter not below zero. Nothing
// of fewer than two samples.
std::optional<double> Extrapolate(const WindowChange& window, bool counter, bool per_second);

// Linear interpolation between the nearest ranks. Sorts `values` (NaN first). NaN of none; -Inf and
// +Inf for q outside 0...1.
double QuantileOf(double q, std::vector<double>* values);

}  // namespace ronda::promql
