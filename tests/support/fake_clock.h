// A clock that moves only when told to.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/base/clock.h"

namespace ronda {

// Thread-safe. Starts at 2026-11-20 00:00:00 UTC.
class FakeClock : public Clock {
 public:
  int64_t NowMs() const override { return now_ms_.load(); }
  int64_t MonotonicNs() const override { return mono_ns_.load(); }
  int64_t SuspendedMs() const override { return suspended_ms_.load(); }

  // Both clocks go on.
  void Advance(int64_t ms) {
    now_ms_ += ms;
    mono_ns_ += ms * 1'000'000;
  }
  // The wall clock jumps, the monotonic one does not notice.
  void Jump(int64_t ms) { now_ms_ += ms; }
  // The machine sleeps.
  void Suspend(int64_t ms) {
    suspended_ms_ += ms;
    now_ms_ += ms;
  }

 private:
  std::atomic<int64_t> now_ms_{1'795'132'800'000};
  std::atomic<int64_t> mono_ns_{1'000'000'000};
  std::atomic<int64_t> suspended_ms_{0};
};

}  // namespace ronda
