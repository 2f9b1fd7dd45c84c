#include "agent/schedule/ticker.h"

#include <chrono>
#include <utility>

namespace ronda::agent {

Ticker::Ticker(const Clock& clock, int64_t interval_ms, int64_t phase_ms,
               std::function<void(const ClockStep&)> on_clock_step)
    : clock_(clock),
      on_clock_step_(std::move(on_clock_step)),
      plan_(interval_ms, phase_ms),
      interval_ns_(interval_ms * 1'000'000) {}

std::optional<int64_t> Ticker::Wait() {
  Stepped();  // between the last tick and now
  for (;;) {
    const TickPlan::Tick tick = plan_.Next(clock_.NowMs(), clock_.MonotonicNs());
    overruns_.store(plan_.skipped(), std::memory_order_relaxed);
    if (!WaitUntil(tick.deadline_mono_ns)) {
      return std::nullopt;
    }
    if (Stepped()) {
      continue;
    }
    if (clock_.MonotonicNs() - tick.deadline_mono_ns < interval_ns_) {
      return tick.t_ms;
    }
    plan_.CountSkipped();
    ++overslept_;
  }
}

void Ticker::Stop() {
  const MutexLock lock(&mu_);
  stopped_ = true;
  wake_.SignalAll();
}

bool Ticker::WaitUntil(int64_t deadline_mono_ns) {
  const MutexLock lock(&mu_);
  while (!stopped_) {
    const int64_t left_ns = deadline_mono_ns - clock_.MonotonicNs();
    if (left_ns <= 0) {
      return true;
    }
    wake_.WaitFor(&mu_, std::chrono::nanoseconds(left_ns));
  }
  return false;
}

bool Ticker::Stepped() {
  const std::optional<ClockStep> step = plan_.CheckClocks(clock_.NowMs(), clock_.MonotonicNs());
  if (step.has_value() && on_clock_step_) {
    on_clock_step_(*step);
  }
  return step.has_value();
}

}  // namespace ronda::agent
