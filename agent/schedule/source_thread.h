// A group on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "agent/samplers/frame_sink.h"
#include "agent/schedule/group.h"
#include "agent/schedule/ticker.h"
#include "common/base/clock.h"

namespace ronda::agent {

struct SourceThreadOptions {
  std::string thread_name;  // 15 characters at most
  int64_t interval_ms = 1000;
  int64_t phase_ms = 0;
  // Called on the source's thread.
  std::function<void(const ClockStep&)> on_clock_step;
  // Called on the source's thread when ticks were left out: the last one before the hole, the first
  // one after it, and how many are missing. `stood_still`: not because of the source, but because
  // the thread was not woken in time. May be empty.
  std::function<void(int64_t from_ms, int64_t to_ms, uint64_t missed, bool stood_still)> on_missed;
  // Called by Stop() on its own thread: breaks off what a sampler is waiting for, so that Stop()
  // returns soon. May be empty.
  std::function<void()> interrupt;
};

// Ticks one group. A source that hangs delays its own group only; its ticks are skipped and counted
// (ronda_ticks_missed_total) until it comes back.
class SourceThread {
 public:
  // All references must outlive the object.
  SourceThread(SourceThreadOptions options, Group& group, FrameSink& sink, const Clock& clock);
  ~SourceThread();
  SourceThread(const SourceThread&) = delete;
  SourceThread& operator=(const SourceThread&) = delete;

  // Once.
  void Start();
  // Ends the thread after the tick under way, and joins it. Idempotent.
  void Stop();

  // While paused the source is not looked at and nothing counts as missed.
  void SetPaused(bool paused) { paused_.store(paused, std::memory_order_relaxed); }

  uint64_t missed_ticks() const { return ticker_.overruns(); }

 private:
  void Run();

  const SourceThreadOptions options_;
  Group& group_;
  FrameSink& sink_;
  const Clock& clock_;
  Ticker ticker_;
  std::atomic<bool> paused_{false};
  std::thread thread_;
};

}  // namespace ronda::agent
