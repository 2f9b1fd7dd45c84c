#include "collector/trust/attempts.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace ronda::trust {
namespace {

TEST(AttemptsTest, AnAddressThatFailsTooOftenWaitsAMinute) {
  FakeClock clock;
  Attempts attempts({.per_address = 3, .in_all = 100, .window_ms = 60'000}, clock);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(attempts.May("ipv4:10.0.0.1"));
    attempts.Failed("ipv4:10.0.0.1");
  }
  EXPECT_FALSE(attempts.May("ipv4:10.0.0.1"));
  EXPECT_TRUE(attempts.May("ipv4:10.0.0.2"));
  clock.Advance(60'000);
  EXPECT_TRUE(attempts.May("ipv4:10.0.0.1"));
}

TEST(AttemptsTest, ManyAddressesTogetherMakeAllWait) {
  FakeClock clock;
  Attempts attempts({.per_address = 3, .in_all = 10, .window_ms = 60'000}, clock);
  for (int i = 0; i < 10; ++i) {
    attempts.Failed(std::to_string(i));
  }
  EXPECT_FALSE(attempts.May("new"));
}

TEST(AttemptsTest, PortsDoNotMakeAnAddressNew) {
  EXPECT_EQ(AddressOfPeer("ipv4:10.0.0.1:4711"), "ipv4:10.0.0.1");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B::1%5D:4711"), "ipv6:%5B::1%5D");
  EXPECT_EQ(AddressOfPeer("unix:"), "unix:");
}

}  // namespace
}  // namespace ronda::trust
