// kill -9 of the real collector while alerts are silenced and while they are released: nothing that
// is held is told, nothing that is released is lost, and no alert is told under two keys.
// RONDA_LONG=1 makes it 250 rounds of two kills.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/digest.h"
#include "tests/support/telling_collector.h"

namespace ronda {
namespace {

constexpr char kRules[] = R"(
groups:
  - name: test
    rules:
      - alert: Present
        expr: up == 1
)";

class HeldKillTest : public testing::Test {
 protected:
  // The process dies at some moment of what it is doing: the delay picks the moment.
  void KillSoon(int most_ms) {
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % (most_ms * 1000U + 1)));
    collector_.Kill();
  }
  std::set<std::string> KeysOf(const std::string& node) const {
    std::set<std::string> keys;
    for (const Told& told : collector_.told()) {
      if (told.node == node) {
        EXPECT_EQ(told.status, "firing");
        keys.insert(told.key);
      }
    }
    return keys;
  }

  const unsigned seed_ = static_cast<unsigned>(RandomBits());
  std::mt19937 random_{seed_};
  TellingCollector collector_{"silence_after: 24h\nlog: {level: warn}\n", kRules};
};

TEST_F(HeldKillTest, WhatIsHeldIsHeldAndWhatIsReleasedComes) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const int rounds = std::getenv("RONDA_LONG") != nullptr ? 250 : 4;
  ASSERT_TRUE(collector_.Start()) << collector_.log();
  std::vector<std::unique_ptr<TestAgent>> agents;
  for (int round = 0; round < rounds; ++round) {
    const std::string node = "n" + std::to_string(round);
    const Output added = collector_.Ronda({"silence", "add", "node=" + node, "--for", "1h"});
    ASSERT_EQ(added.exit_code, 0) << added.err;
    const std::string id = added.out.substr(0, added.out.find('\n'));

    agents.push_back(collector_.Agent(node, /*ticks=*/0));
    ASSERT_NE(agents.back(), nullptr) << "it cannot connect\n" << collector_.log();
    TestAgent& agent = *agents.back();
    agent.Tick();
    KillSoon(30);
    ASSERT_TRUE(collector_.Start()) << collector_.log();
    ASSERT_EQ(agent.Connect(collector_.address()), "");
    agent.Tick();
    ASSERT_TRUE(agent.WaitAcknowledged(30'000));
    ASSERT_TRUE(collector_.AlertsShow(node)) << collector_.log();
    ASSERT_TRUE(collector_.AlertsShow("silenced by " + id.substr(0, 8)));
    EXPECT_THAT(KeysOf(node), testing::IsEmpty()) << "told although silenced";

    ASSERT_EQ(collector_.Ronda({"silence", "expire", id}).exit_code, 0);
    KillSoon(1'500);  // it is released within a second
    ASSERT_TRUE(collector_.Start()) << collector_.log();
    ASSERT_TRUE(Eventually(30'000, [&] { return !KeysOf(node).empty(); })) << collector_.log();
    EXPECT_EQ(agent.Connect(collector_.address()), "");
  }
  for (int round = 0; round < rounds; ++round) {
    EXPECT_THAT(KeysOf("n" + std::to_string(round)), testing::SizeIs(1)) << "two keys";
  }
  EXPECT_LE(collector_.told().size(), static_cast<size_t>(2 * rounds)) << "more than two copies";
}

}  // namespace
}  // namespace ronda
