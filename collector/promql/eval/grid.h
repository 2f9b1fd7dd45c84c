// The steps of an evaluation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ronda::promql {

struct Grid {
  int64_t start_ms = 0;
  int64_t step_ms = 1;
  size_t size = 1;  // 0: no step at all

  int64_t At(size_t i) const { return start_ms + static_cast<int64_t>(i) * step_ms; }
  int64_t end_ms() const { return size == 0 ? start_ms : At(size - 1); }

  static Grid Of(int64_t start_ms, int64_t end_ms, int64_t step_ms) {
    if (end_ms < start_ms) {
      return {start_ms, step_ms, 0};
    }
    return {start_ms, step_ms, static_cast<size_t>((end_ms - start_ms) / step_ms) + 1};
  }
  // Only the first step: for what is the same at all of them.
  Grid First() const { return {start_ms, step_ms, 1}; }
};

}  // namespace ronda::promql
