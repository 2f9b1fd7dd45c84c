#include "agent/schedule/cost_budget.h"

#include <algorithm>

namespace ronda::agent {

CostBudget::CostBudget(int base_interval_s, int64_t budget_ns)
    : base_interval_s_(std::max(base_interval_s, 1)),
      budget_ns_(budget_ns),
      interval_s_(base_interval_s_) {}

void CostBudget::AddRun(int64_t cost_ns) {
  window_ns_ += cost_ns;
  ++window_runs_;
  if (!any_run_) {
    any_run_ = true;
    mean_run_ns_ = cost_ns;
  }
  if (window_runs_ * interval_s_ >= kWindowTicks) {
    EndWindow();
  }
}

void CostBudget::EndWindow() {
  mean_run_ns_ = window_ns_ / window_runs_;
  const int64_t per_tick_ns = mean_run_ns_ / interval_s_;
  if (per_tick_ns > budget_ns_) {
    interval_s_ = std::max(base_interval_s_, std::min(interval_s_ * 2, kMaxIntervalS));
  } else if (interval_s_ > base_interval_s_ && per_tick_ns * 2 < budget_ns_ / 2) {
    interval_s_ = std::max(base_interval_s_, interval_s_ / 2);
  }
  window_ns_ = 0;
  window_runs_ = 0;
}

}  // namespace ronda::agent
