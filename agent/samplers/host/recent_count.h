// How much a counter rose of late: what a rule of the form "selector > number" can watch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ronda::agent {

// The increase over the last window, from observations in order of time. Allocates nothing; keeps
// the last 64 steps (more steps than that within a window count as if they were later, so that the
// answer is never too small). The first observation is the base: what happened before is not of
// late. A counter that falls starts anew.
class RecentCount {
 public:
  explicit RecentCount(int64_t window_ms) : window_ms_(window_ms) {}

  uint64_t Observe(int64_t t_ms, uint64_t total);

 private:
  struct Step {
    int64_t t_ms = 0;
    uint64_t by = 0;
  };

  const int64_t window_ms_;
  std::array<Step, 64> steps_{};
  size_t first_ = 0;
  size_t count_ = 0;
  uint64_t last_total_ = 0;
  bool seen_ = false;
};

}  // namespace ronda::agent
