// kill -9 of the real agent, the real collector, or both, at random points: no second that was
// sampled and kept is missing, none is there twice, and every gap has a cause. RONDA_LONG=1 makes
// it 500 kills of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/base/digest.h"
#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/watched_node.h"

namespace ronda {
namespace {

class AgentKillTest : public testing::Test {
 protected:
  void StartCollector() {
    ASSERT_TRUE(collector_.Start(
        {ProgramPath("ronda-collector"), "--insecure", "--data", data_, "--listen", address_,
         "--no-socket", "--log-level", "warn", "--print-address", dir_.File("address")},
        dir_.File("collector.log")));
  }
  void StartAgent() {
    ASSERT_TRUE(agent_.Start({ProgramPath("ronda-agent"), "--insecure", "--collector", address_,
                              "--node", "web1", "--spool", dir_.File("spool.db")},
                             dir_.File("agent.log")));
  }
  void Wait(int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

  // Until nothing is open and new ticks come.
  bool Settles() {
    const int64_t before = Newest();
    return Eventually(60'000, [&] {
      if (Newest() < before + 2000) {
        return false;
      }
      for (const ToldGap& gap : GapsOf(data_, "web1")) {
        if (gap.cause == "network" || gap.cause == "collector down" || gap.to_ms == 0) {
          return false;
        }
      }
      return true;
    });
  }
  int64_t Newest() {
    const std::vector<int64_t> ticks = TicksOf(data_, "web1");
    return ticks.empty() ? 0 : ticks.back();
  }
  std::string Logs() {
    return ReadFile(dir_.File("collector.log")).value_or("") +
           ReadFile(dir_.File("agent.log")).value_or("");
  }

  TempDir dir_;
  const std::string data_ = dir_.File("data");
  const std::string address_ = "127.0.0.1:" + std::to_string(FreePort());
  Process collector_;
  Process agent_;
};

TEST_F(AgentKillTest, EverySecondIsThereOnceOrHasItsCause) {
  const auto seed = static_cast<unsigned>(RandomBits());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  StartCollector();
  StartAgent();
  ASSERT_TRUE(Eventually(20'000, [&] { return Newest() > 0; })) << Logs();
  enum Victim { kAgent, kCollector, kBoth };
  std::vector<Victim> victims = {kAgent, kAgent, kCollector, kCollector, kBoth};
  for (int i = 0; std::getenv("RONDA_LONG") != nullptr && i < 745; ++i) {
    victims.push_back(static_cast<Victim>(i % 3));
  }
  std::shuffle(victims.begin(), victims.end(), random);
  for (const Victim victim : victims) {
    Wait(200 + random() % 1500);
    switch (victim) {
      case kAgent:
        agent_.Kill();
        Wait(random() % 500);
        StartAgent();
        break;
      case kCollector:
        collector_.Kill();
        Wait(random() % 2500);
        StartCollector();
        break;
      case kBoth:
        // Long enough away that the spool is in use when the agent goes too.
        collector_.Kill();
        Wait(2500 + random() % 1500);
        agent_.Kill();
        Wait(random() % 500);
        StartAgent();
        Wait(random() % 1000);
        StartCollector();
    }
  }
  ASSERT_TRUE(Settles()) << Logs();
  const std::vector<int64_t> ticks = TicksOf(data_, "web1");
  const std::vector<ToldGap> gaps = GapsOf(data_, "web1");
  EXPECT_FALSE(HasDoubles(ticks));
  EXPECT_THAT(Unexplained(ticks, gaps), testing::IsEmpty())
      << testing::PrintToString(ticks) << Logs();
  std::map<std::string, int> causes;
  int64_t missing_ms = 0;
  for (const ToldGap& gap : gaps) {
    ++causes[gap.cause];
    missing_ms += gap.to_ms - gap.from_ms;
    EXPECT_THAT(gap.cause,
                testing::AnyOf("agent killed", "agent stopped", "agent stalled", "paused"));
  }
  std::printf("kills=%zu ticks=%zu gap_seconds=%lld causes=%s\n", victims.size(), ticks.size(),
              static_cast<long long>(missing_ms / 1000), testing::PrintToString(causes).c_str());
}

TEST_F(AgentKillTest, AnOutageThatOutlivesTheAgentIsFilledFromItsDisk) {
  StartCollector();
  StartAgent();
  ASSERT_TRUE(Eventually(20'000, [&] { return Newest() > 0; })) << Logs();
  collector_.Kill();
  Wait(3500);
  agent_.Signal(SIGTERM);
  ASSERT_EQ(agent_.Wait(15'000), 0) << Logs();
  ASSERT_TRUE(ReadFile(dir_.File("spool.db")).ok()) << "kept at the stop";
  StartAgent();
  Wait(1000);
  StartCollector();
  ASSERT_TRUE(Settles()) << Logs();
  const std::vector<int64_t> ticks = TicksOf(data_, "web1");
  EXPECT_FALSE(HasDoubles(ticks));
  EXPECT_THAT(Unexplained(ticks, GapsOf(data_, "web1")), testing::IsEmpty());
  int64_t missing = 0;
  for (size_t i = 1; i < ticks.size(); ++i) {
    missing += (ticks[i] - ticks[i - 1]) / 1000 - 1;
  }
  EXPECT_LE(missing, 5) << "more than the restart itself" << Logs();
  for (const ToldGap& gap : GapsOf(data_, "web1")) {
    EXPECT_EQ(gap.cause, "agent stopped") << "not killed, though no collector heard it" << Logs();
  }
  EXPECT_FALSE(GapsOf(data_, "web1").empty());
  EXPECT_TRUE(Eventually(10'000, [&] { return !GapsOf(data_, "web1", /*late=*/true).empty(); }))
      << Logs();
  EXPECT_TRUE(Eventually(10'000, [&] { return !ReadFile(dir_.File("spool.db")).ok(); }))
      << "gone with the last acknowledgement";
  agent_.Signal(SIGTERM);
  ASSERT_EQ(agent_.Wait(5000), 0) << Logs();
  EXPECT_FALSE(ReadFile(dir_.File("spool.db")).ok()) << "the collector heard its goodbye";
}

TEST_F(AgentKillTest, TheAgentMovesToTheNextCollectorAndComesBack) {
  const std::string second = "127.0.0.1:" + std::to_string(FreePort());
  Process other;
  ASSERT_TRUE(other.Start({ProgramPath("ronda-collector"), "--insecure", "--data",
                           dir_.File("other"), "--listen", second, "--no-socket"},
                          dir_.File("other.log")));
  StartCollector();
  ASSERT_TRUE(Eventually(20'000, [&] { return ReadFile(dir_.File("address")).ok(); })) << Logs();
  ASSERT_TRUE(WriteFileAtomically(dir_.File("agent.yml"),
                                  "node: web1\ncollectors: [\"" + address_ + "\", \"" + second +
                                      "\"]\nfailover: {after: 1s, return_after: 1s}\n"
                                      "spool: {path: spool.db}\n")
                  .ok());
  ASSERT_TRUE(
      agent_.Start({ProgramPath("ronda-agent"), "--insecure", "--config", dir_.File("agent.yml")},
                   dir_.File("agent.log")));
  ASSERT_TRUE(Eventually(20'000, [&] { return Newest() > 0; })) << Logs();
  EXPECT_TRUE(TicksOf(dir_.File("other"), "web1").empty());
  // One that stands still acknowledges nothing, and is left like one that is gone.
  collector_.Signal(SIGSTOP);
  ASSERT_TRUE(Eventually(15'000, [&] { return TicksOf(dir_.File("other"), "web1").size() > 2; }))
      << Logs();
  const int64_t moved = TicksOf(dir_.File("other"), "web1").back();
  collector_.Signal(SIGCONT);
  ASSERT_TRUE(Eventually(30'000, [&] { return Newest() > moved + 2000; })) << Logs();
  // Between the two every second is there; what only the other one has is a failover here.
  std::vector<int64_t> both = TicksOf(data_, "web1");
  const std::vector<int64_t> others = TicksOf(dir_.File("other"), "web1");
  both.insert(both.end(), others.begin(), others.end());
  std::sort(both.begin(), both.end());
  both.erase(std::unique(both.begin(), both.end()), both.end());
  EXPECT_THAT(Unexplained(both, {}), testing::IsEmpty()) << Logs();
  EXPECT_TRUE(Eventually(10'000, [&] {
    for (const ToldGap& gap : GapsOf(data_, "web1")) {
      if (gap.cause == "failover") {
        return true;
      }
    }
    return false;
  })) << Logs();
}

}  // namespace
}  // namespace ronda
