#include "agent/schedule/ticker.h"

#include <thread>
#include <vector>

#include "common/base/thread.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace ronda::agent {
namespace {

TEST(Ticker, WaitsForAlignedTicksOfTheMachinesClock) {
  const SystemClock clock;
  Ticker ticker(clock, 20, 7, nullptr);
  int64_t before = 0;
  for (int i = 0; i < 5; ++i) {
    const std::optional<int64_t> t_ms = ticker.Wait();
    ASSERT_TRUE(t_ms.has_value());
    EXPECT_EQ(*t_ms % 20, 7);
    EXPECT_GT(*t_ms, before);
    EXPECT_GE(clock.NowMs(), *t_ms);
    before = *t_ms;
  }
}

TEST(Ticker, StopEndsAWaitAndAllLaterOnes) {
  const SystemClock clock;
  Ticker ticker(clock, 3'600'000, 0, nullptr);
  std::thread waiter = StartThread("waiter", [&] { EXPECT_FALSE(ticker.Wait().has_value()); });
  ticker.Stop();
  waiter.join();
  EXPECT_FALSE(ticker.Wait().has_value());
}

TEST(Ticker, TellsOfAClockStepAndCountsOverruns) {
  FakeClock clock;
  std::vector<ClockStep> steps;
  Ticker ticker(clock, 1000, 0, [&](const ClockStep& step) { steps.push_back(step); });
  const int64_t start_ms = clock.NowMs();
  EXPECT_EQ(ticker.Wait(), start_ms);  // its time is now
  clock.Advance(5000);
  EXPECT_EQ(ticker.Wait(), start_ms + 5000);
  EXPECT_EQ(ticker.overruns(), 4U);
  clock.Jump(7000);
  EXPECT_EQ(ticker.Wait(), start_ms + 12'000);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0], (ClockStep{start_ms + 5000, start_ms + 12'000}));
  EXPECT_EQ(ticker.overruns(), 4U);
}

}  // namespace
}  // namespace ronda::agent
