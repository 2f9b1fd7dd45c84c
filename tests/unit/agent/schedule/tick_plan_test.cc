#include "agent/schedule/tick_plan.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace ronda::agent {
namespace {

class TickPlanTest : public testing::Test {
 protected:
  // Plans the next tick and moves the clocks there.
  int64_t NextTick(TickPlan& plan) {
    const TickPlan::Tick tick = plan.Next(clock_.NowMs(), clock_.MonotonicNs());
    clock_.Advance((tick.deadline_mono_ns - clock_.MonotonicNs()) / 1'000'000);
    return tick.t_ms - start_ms_;
  }
  std::optional<ClockStep> Check(TickPlan& plan) {
    return plan.CheckClocks(clock_.NowMs(), clock_.MonotonicNs());
  }

  FakeClock clock_;
  const int64_t start_ms_ = clock_.NowMs();
};

TEST_F(TickPlanTest, TicksAreAtWholeSecondsPlusThePhase) {
  TickPlan plan(1000, 250);
  clock_.Advance(100);
  EXPECT_EQ(NextTick(plan), 250);
  EXPECT_EQ(NextTick(plan), 1250);
  clock_.Advance(700);
  EXPECT_EQ(NextTick(plan), 2250);
  EXPECT_EQ(plan.skipped(), 0U);
}

TEST_F(TickPlanTest, ATickWhoseTimeIsNowRunsNow) {
  TickPlan plan(1000, 0);
  EXPECT_EQ(NextTick(plan), 0);
  EXPECT_EQ(NextTick(plan), 1000);
}

TEST_F(TickPlanTest, SkipsAndCountsTicksThatWereMissedInsteadOfBunchingThem) {
  TickPlan plan(1000, 0);
  EXPECT_EQ(NextTick(plan), 0);
  clock_.Advance(3400);
  EXPECT_EQ(NextTick(plan), 4000);
  EXPECT_EQ(plan.skipped(), 3U);
  EXPECT_EQ(NextTick(plan), 5000);
  EXPECT_EQ(plan.skipped(), 3U);
}

TEST_F(TickPlanTest, LongerIntervalsAreAlignedToo) {
  TickPlan plan(15'000, 400);
  clock_.Advance(1);
  EXPECT_EQ(NextTick(plan), 400);
  EXPECT_EQ(NextTick(plan), 15'400);
}

TEST_F(TickPlanTest, ReportsAStepForwardAndDoesNotCountItAsMissed) {
  TickPlan plan(1000, 0);
  EXPECT_FALSE(Check(plan).has_value());
  EXPECT_EQ(NextTick(plan), 0);
  clock_.Advance(500);
  clock_.Jump(3'600'000);
  EXPECT_EQ(Check(plan), (ClockStep{start_ms_ + 500, start_ms_ + 3'600'500}));
  EXPECT_EQ(NextTick(plan), 3'601'000);
  EXPECT_EQ(plan.skipped(), 0U);
  EXPECT_FALSE(Check(plan).has_value());
}

TEST_F(TickPlanTest, AfterAStepBackTicksGoOnByTheNewTime) {
  TickPlan plan(1000, 0);
  EXPECT_FALSE(Check(plan).has_value());
  EXPECT_EQ(NextTick(plan), 0);
  clock_.Advance(300);
  clock_.Jump(-60'000);
  EXPECT_EQ(Check(plan), (ClockStep{start_ms_ + 300, start_ms_ - 59'700}));
  EXPECT_EQ(NextTick(plan), -59'000);
}

TEST_F(TickPlanTest, SmallCorrectionsNeitherReportNorRepeatATick) {
  TickPlan plan(1000, 0);
  EXPECT_FALSE(Check(plan).has_value());
  EXPECT_EQ(NextTick(plan), 0);
  EXPECT_EQ(NextTick(plan), 1000);
  clock_.Jump(-900);
  EXPECT_FALSE(Check(plan).has_value());
  EXPECT_EQ(NextTick(plan), 2000);
  EXPECT_EQ(plan.skipped(), 0U);
}

TEST(PhaseMs, IsStableAndSpreads) {
  EXPECT_EQ(PhaseMs("web-1"), PhaseMs("web-1"));
  std::set<int64_t> phases;
  for (int i = 0; i < 200; ++i) {
    const int64_t phase = PhaseMs("node-" + std::to_string(i));
    EXPECT_GE(phase, 0);
    EXPECT_LT(phase, 1000);
    phases.insert(phase / 100);
  }
  EXPECT_EQ(phases.size(), 10U);
}

}  // namespace
}  // namespace ronda::agent
