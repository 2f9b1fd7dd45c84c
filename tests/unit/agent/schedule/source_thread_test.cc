#include "agent/schedule/source_thread.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/unit/agent/schedule/fake_source.h"

namespace ronda::agent {
namespace {

// A group whose one sampler runs `body`.
std::unique_ptr<Group> MakeGroup(const Clock& clock, FunctionSampler::Body body) {
  std::vector<std::unique_ptr<Sampler>> samplers;
  samplers.push_back(std::make_unique<FunctionSampler>("s", 1, std::move(body)));
  GroupOptions options;
  options.identity = {"g", "job", ""};
  return std::make_unique<Group>(std::move(options), std::move(samplers), clock);
}

TEST(SourceThread, TicksItsGroupUntilStopped) {
  const SystemClock clock;
  const auto group = MakeGroup(clock, [](int64_t, SeriesTable&) { return absl::OkStatus(); });
  KeepingSink sink;
  SourceThreadOptions options;
  options.thread_name = "test-source";
  options.interval_ms = 5;
  SourceThread thread(options, *group, sink, clock);
  thread.Start();
  sink.WaitForFrames(3);
  thread.Stop();
  const size_t frames = sink.frames().size();
  thread.Stop();
  EXPECT_EQ(sink.frames().size(), frames);
}

TEST(SourceThread, ASourceThatHangsCostsItselfAloneAndStopInterruptsIt) {
  const SystemClock clock;
  Mutex mu;
  CondVar wake;
  bool interrupted = false;
  const auto hanging = MakeGroup(clock, [&](int64_t, SeriesTable&) -> absl::Status {
    const MutexLock lock(&mu);
    while (!interrupted) {
      wake.Wait(&mu);
    }
    return absl::CancelledError("interrupted");
  });
  const auto healthy = MakeGroup(clock, [](int64_t, SeriesTable&) { return absl::OkStatus(); });
  KeepingSink hanging_sink;
  KeepingSink healthy_sink;
  SourceThreadOptions options;
  options.interval_ms = 5;
  options.thread_name = "healthy";
  SourceThread healthy_thread(options, *healthy, healthy_sink, clock);
  options.thread_name = "hanging";
  options.interrupt = [&] {
    const MutexLock lock(&mu);
    interrupted = true;
    wake.SignalAll();
  };
  SourceThread hanging_thread(options, *hanging, hanging_sink, clock);
  hanging_thread.Start();
  healthy_thread.Start();
  healthy_sink.WaitForFrames(5);
  EXPECT_TRUE(hanging_sink.frames().empty());
  hanging_thread.Stop();
  EXPECT_FALSE(hanging->up());
}

}  // namespace
}  // namespace ronda::agent
