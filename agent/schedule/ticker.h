// Aligned ticks on a thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "agent/schedule/tick_plan.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::agent {

// Gives one thread its ticks: while (auto t_ms = ticker.Wait()) { ... }. Waits on the monotonic
// clock, so that a jump of the wall clock neither hurries nor delays a tick by more than the one
// interval it takes to notice. Stop() and the counters may be used from any thread.
class Ticker {
 public:
  // `on_clock_step` may be empty; it is called on the waiting thread, without a lock. `clock` must
  // outlive the ticker.
  Ticker(const Clock& clock, int64_t interval_ms, int64_t phase_ms,
         std::function<void(const ClockStep&)> on_clock_step);

  // Waits for the next tick and returns its planned wall time, or nothing after Stop(). A tick for
  // which the thread was woken too late by an interval or more is left out: its samples would bear
  // the time of a state that nobody looked at.
  std::optional<int64_t> Wait() ABSL_LOCKS_EXCLUDED(mu_);

  // Ends a Wait() that is under way and all later ones.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // Ticks that were left out because the one before took too long, or the thread stood still.
  uint64_t overruns() const { return overruns_.load(std::memory_order_relaxed); }
  // Ticks for which the waiting thread was woken too late. For that thread.
  uint64_t overslept() const { return overslept_; }

 private:
  // Returns false after Stop().
  bool WaitUntil(int64_t deadline_mono_ns) ABSL_LOCKS_EXCLUDED(mu_);
  // True if the wall clock has jumped; tells the callback.
  bool Stepped();

  const Clock& clock_;
  const std::function<void(const ClockStep&)> on_clock_step_;
  TickPlan plan_;  // of the waiting thread
  std::atomic<uint64_t> overruns_{0};
  const int64_t interval_ns_;
  uint64_t overslept_ = 0;

  Mutex mu_;
  CondVar wake_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace ronda::agent
