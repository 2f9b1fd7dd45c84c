// When the next tick is: arithmetic only, so that tests need no threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ronda::agent {

// A phase within a second for a node, 0..999 ms, the same after each restart: it spreads the frames
// of a fleet over the second.
int64_t PhaseMs(std::string_view node_name);

// A jump of the wall clock: it was to show from_ms when it showed to_ms.
struct ClockStep {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  bool operator==(const ClockStep&) const = default;
};

// Ticks are at wall-clock multiples of the interval plus the phase. A tick whose time has gone by
// before it could run is skipped, so that late ticks do not bunch. Not thread-safe.
class TickPlan {
 public:
  struct Tick {
    int64_t t_ms = 0;              // the tick's planned wall time: the time of its samples
    int64_t deadline_mono_ns = 0;  // when that is on the monotonic clock
  };

  // interval_ms > 0, 0 <= phase_ms.
  TickPlan(int64_t interval_ms, int64_t phase_ms);

  // The next tick after the one planned last; counts those that were skipped since.
  Tick Next(int64_t wall_ms, int64_t mono_ns);
  // The tick planned last was not run.
  void CountSkipped() { ++skipped_; }

  // Compares the two clocks with the last call; a difference of more than a second is a step. After
  // one, the tick planned last is void: Next() plans afresh by the new time (which may be earlier
  // than ticks that were), and what the step left out does not count as skipped. Smaller
  // differences are slewing and corrections, which Next() follows without going back.
  std::optional<ClockStep> CheckClocks(int64_t wall_ms, int64_t mono_ns);

  uint64_t skipped() const { return skipped_; }

 private:
  const int64_t interval_ms_;
  const int64_t phase_ms_;
  std::optional<int64_t> last_t_ms_;
  std::optional<int64_t> offset_ms_;  // wall minus monotonic, at the last CheckClocks()
  uint64_t skipped_ = 0;
};

}  // namespace ronda::agent
