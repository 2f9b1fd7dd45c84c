// How often a sampler may run, by what it costs.
#pragma once

#include <cstdint>

namespace ronda::agent {

// Watches one sampler's cost per tick (its run time divided by the ticks it is spread over), over
// windows of ten ticks. Above the budget the interval is doubled, up to a minute; when twice the
// rate would still leave half of the budget free, it is halved, down to where it began. The gap
// between the two keeps it from swinging. Not thread-safe.
class CostBudget {
 public:
  static constexpr int64_t kDefaultBudgetNs = 20'000'000;
  static constexpr int kMaxIntervalS = 60;
  static constexpr int kWindowTicks = 10;

  explicit CostBudget(int base_interval_s, int64_t budget_ns = kDefaultBudgetNs);

  // One run took `cost_ns`.
  void AddRun(int64_t cost_ns);

  int interval_s() const { return interval_s_; }
  // Mean of a run in the last whole window; before the first ends, the first run's time; 0 before
  // any. It changes once a window, so that it costs little on the wire.
  int64_t mean_run_ns() const { return mean_run_ns_; }

 private:
  void EndWindow();

  const int base_interval_s_;
  const int64_t budget_ns_;
  int interval_s_;
  int64_t window_ns_ = 0;
  int window_runs_ = 0;
  bool any_run_ = false;
  int64_t mean_run_ns_ = 0;
};

}  // namespace ronda::agent
