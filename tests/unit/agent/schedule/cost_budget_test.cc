#include "agent/schedule/cost_budget.h"

#include "gtest/gtest.h"

namespace ronda::agent {
namespace {

constexpr int64_t kMs = 1'000'000;

void Runs(CostBudget& budget, int64_t cost_ns, int runs) {
  for (int i = 0; i < runs; ++i) {
    budget.AddRun(cost_ns);
  }
}

TEST(CostBudget, StaysAtItsIntervalWithinTheBudget) {
  CostBudget budget(1);
  Runs(budget, 20 * kMs, 1000);
  EXPECT_EQ(budget.interval_s(), 1);
}

TEST(CostBudget, OneDearRunAmongTenDoesNotCount) {
  CostBudget budget(1);
  for (int i = 0; i < 50; ++i) {
    budget.AddRun(i % 10 == 0 ? 190 * kMs : 0);
  }
  EXPECT_EQ(budget.interval_s(), 1);
}

TEST(CostBudget, BacksOffUntilTheCostPerTickFits) {
  CostBudget budget(1);
  Runs(budget, 70 * kMs, 9);
  EXPECT_EQ(budget.interval_s(), 1);
  Runs(budget, 70 * kMs, 1);
  EXPECT_EQ(budget.interval_s(), 2);
  Runs(budget, 70 * kMs, 5);
  EXPECT_EQ(budget.interval_s(), 4);
  Runs(budget, 70 * kMs, 100);  // 17.5 ms a tick
  EXPECT_EQ(budget.interval_s(), 4);
}

TEST(CostBudget, NeverWaitsLongerThanAMinute) {
  CostBudget budget(5);
  Runs(budget, 10'000 * kMs, 100);
  EXPECT_EQ(budget.interval_s(), 60);
}

TEST(CostBudget, ComesBackWhenItIsCheapAgain) {
  CostBudget budget(5);
  Runs(budget, 150 * kMs, 2);
  EXPECT_EQ(budget.interval_s(), 10);
  Runs(budget, 60 * kMs, 3);  // twice the rate would use more than half
  EXPECT_EQ(budget.interval_s(), 10);
  Runs(budget, 10 * kMs, 3);
  EXPECT_EQ(budget.interval_s(), 5);
  Runs(budget, 0, 10);
  EXPECT_EQ(budget.interval_s(), 5);
}

TEST(CostBudget, PublishesTheMeanOfAWindow) {
  CostBudget budget(1);
  EXPECT_EQ(budget.mean_run_ns(), 0);
  budget.AddRun(100);
  EXPECT_EQ(budget.mean_run_ns(), 100);
  Runs(budget, 200, 8);
  EXPECT_EQ(budget.mean_run_ns(), 100);
  budget.AddRun(200);
  EXPECT_EQ(budget.mean_run_ns(), 190);
}

}  // namespace
}  // namespace ronda::agent
