// Time, as a seam: tests run on a FakeClock (tests/support/fake_clock.h).
#pragma once

#include <cstdint>

namespace ronda {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, milliseconds since the epoch. May jump either way.
  virtual int64_t NowMs() const = 0;

  // Nanoseconds on a clock that never goes back; for intervals and time-outs.
  virtual int64_t MonotonicNs() const = 0;

  // Milliseconds that the machine was suspended since it booted: MonotonicNs() stood still then.
  virtual int64_t SuspendedMs() const { return 0; }

  int64_t MonotonicMs() const { return MonotonicNs() / 1'000'000; }
};

// The machine's clocks.
class SystemClock : public Clock {
 public:
  int64_t NowMs() const override;
  int64_t MonotonicNs() const override;
  int64_t SuspendedMs() const override;
};

}  // namespace ronda
