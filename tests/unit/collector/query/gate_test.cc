#include "collector/query/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <utility>

#include "tests/support/status_matchers.h"

namespace ronda::query {
namespace {

using std::chrono::seconds;

TEST(Gate, AQueryWaitsForAPlace) {
  Gate gate({.max_running = 1, .max_waiting = 1, .max_wait_ms = 60'000, .max_ms = 60'000});
  std::optional<absl::StatusOr<Gate::Ticket>> first(gate.Enter([] {}));
  ASSERT_OK(*first);
  auto second = std::async(std::launch::async, [&] { return gate.Enter([] {}).ok(); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  first.reset();
  ASSERT_EQ(second.wait_for(seconds(30)), std::future_status::ready);
  EXPECT_TRUE(second.get());
}

TEST(Gate, BeyondTheLimitsItRefuses) {
  Gate nobody_waits({.max_running = 1, .max_waiting = 0, .max_wait_ms = 60'000, .max_ms = 60'000});
  const absl::StatusOr<Gate::Ticket> first = nobody_waits.Enter([] {});
  ASSERT_OK(first);
  EXPECT_THAT(nobody_waits.Enter([] {}),
              StatusIs(absl::StatusCode::kResourceExhausted, "which is the limit"));

  Gate short_wait({.max_running = 1, .max_waiting = 5, .max_wait_ms = 5, .max_ms = 60'000});
  const absl::StatusOr<Gate::Ticket> other = short_wait.Enter([] {});
  ASSERT_OK(other);
  EXPECT_THAT(short_wait.Enter([] {}),
              StatusIs(absl::StatusCode::kResourceExhausted, "for 5 ms, which is the limit"));
}

TEST(Gate, AQueryThatStaysTooLongIsCancelledOnce) {
  Gate gate({.max_running = 2, .max_waiting = 1, .max_wait_ms = 60'000, .max_ms = 5});
  std::promise<void> cancelled;
  std::atomic<int> calls = 0;
  {
    const absl::StatusOr<Gate::Ticket> slow = gate.Enter([&] {
      if (++calls == 1) {
        cancelled.set_value();
      }
    });
    ASSERT_OK(slow);
    ASSERT_EQ(cancelled.get_future().wait_for(seconds(30)), std::future_status::ready);
    // A later one is watched too.
    std::promise<void> second;
    const absl::StatusOr<Gate::Ticket> other = gate.Enter([&] { second.set_value(); });
    ASSERT_EQ(second.get_future().wait_for(seconds(30)), std::future_status::ready);
  }
  EXPECT_EQ(calls, 1);
}

TEST(Gate, AMovedTicketLeavesOnce) {
  Gate gate({.max_running = 1, .max_waiting = 0, .max_wait_ms = 1, .max_ms = 60'000});
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<Gate::Ticket> ticket = gate.Enter([] {});
    ASSERT_OK(ticket);
    const Gate::Ticket moved = *std::move(ticket);
  }
}

}  // namespace
}  // namespace ronda::query
