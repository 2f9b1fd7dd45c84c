#include "agent/schedule/source_thread.h"

#include <optional>
#include <utility>

#include "common/base/thread.h"

namespace ronda::agent {

SourceThread::SourceThread(SourceThreadOptions options, Group& group, FrameSink& sink,
                           const Clock& clock)
    : options_(std::move(options)),
      group_(group),
      sink_(sink),
      clock_(clock),
      ticker_(clock, options_.interval_ms, options_.phase_ms, options_.on_clock_step) {}

SourceThread::~SourceThread() { Stop(); }

void SourceThread::Start() {
  thread_ = StartThread(options_.thread_name, [this] { Run(); });
}

void SourceThread::Stop() {
  ticker_.Stop();
  if (thread_.joinable()) {
    if (options_.interrupt) {
      options_.interrupt();
    }
    thread_.join();
  }
}

void SourceThread::Run() {
  uint64_t missed_before = 0;
  uint64_t overslept_before = 0;
  int64_t last_ms = clock_.NowMs();  // 0: what is left out now is told by others
  while (const std::optional<int64_t> t_ms = ticker_.Wait()) {
    const uint64_t missed = ticker_.overruns();
    const bool stood_still = ticker_.overslept() > overslept_before;
    overslept_before = ticker_.overslept();
    if (paused_.load(std::memory_order_relaxed)) {
      missed_before = missed;
      last_ms = 0;
      continue;
    }
    if (missed > missed_before && last_ms != 0 && options_.on_missed) {
      options_.on_missed(last_ms, *t_ms, missed - missed_before, stood_still);
    }
    missed_before = missed;
    last_ms = *t_ms;
    group_.set_missed_ticks(missed);
    group_.Tick(*t_ms, sink_);
  }
}

}  // namespace ronda::agent
