// A bad network between a real agent and a real collector, by a relay and so without root: resets,
// losses, delays, cuts of one direction. Nothing that was sampled is missing, nothing is there
// twice, and what comes live is soon as new as before. RONDA_LONG=1: up to 10 minutes of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/base/files.h"
#include "tests/support/faulty_relay.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/watched_node.h"

namespace ronda {
namespace {

// Live data is as new as ever: within 5 s, and what it takes to ask for it on a busy machine.
constexpr int64_t kNewMs = 8000;

class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    StartCollector();
    ASSERT_TRUE(agent_.Start({ProgramPath("ronda-agent"), "--insecure", "--collector",
                              "127.0.0.1:" + std::to_string(relay_.port()), "--node", "web1",
                              "--spool", dir_.File("spool.db")},
                             dir_.File("agent.log")));
    ASSERT_TRUE(Eventually(30'000, [&] { return !Ticks().empty(); })) << Logs();
  }
  void TearDown() override {
    agent_.Kill();
    collector_.Kill();
  }
  void StartCollector() {
    ASSERT_TRUE(collector_.Start(
        {ProgramPath("ronda-collector"), "--insecure", "--data", data_, "--listen",
         "127.0.0.1:" + std::to_string(port_), "--no-socket", "--log-level", "warn"},
        dir_.File("collector.log")));
  }

  static void Wait(int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
  // How long a fault lasts.
  static int64_t Seconds(int64_t brief, int64_t full) {
    return 1000 * (std::getenv("RONDA_LONG") != nullptr ? full : brief);
  }
  std::vector<int64_t> Ticks() const { return TicksOf(data_, "web1"); }
  static int64_t NowMs() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  void ExpectAllThere() {
    ASSERT_TRUE(Eventually(120'000,
                           [&] {
                             const std::vector<ToldGap> gaps = GapsOf(data_, "web1");
                             const std::vector<int64_t> ticks = Ticks();
                             return !ticks.empty() && ticks.back() >= NowMs() - kNewMs &&
                                    Unexplained(ticks, StallsOf(gaps)).empty();
                           }))
        << testing::PrintToString(Ticks()) << Logs();
    EXPECT_FALSE(HasDoubles(Ticks()));
    EXPECT_TRUE(Eventually(60'000,
                           [&] {
                             const std::vector<ToldGap> gaps = GapsOf(data_, "web1");
                             return StallsOf(gaps).size() == gaps.size();
                           }))
        << "all of it came: no gap is left" << Logs();
  }
  std::string Logs() const {
    return ReadFile(dir_.File("collector.log")).value_or("") +
           ReadFile(dir_.File("agent.log")).value_or("");
  }

  TempDir dir_;
  const std::string data_ = dir_.File("data");
  const int port_ = FreePort();
  FaultyRelay relay_{port_};
  Process collector_;
  Process agent_;
};

TEST_F(RelayTest, AStormOfResetsLosesNothing) {
  std::mt19937_64 random(7);
  const int64_t until = NowMs() + Seconds(5, 300);
  while (NowMs() < until) {
    // Now and then a connection does not even begin.
    relay_.Set({.reset_new = random() % 4 == 0});
    relay_.ResetAll();
    Wait(std::uniform_int_distribution<int64_t>(5, 400)(random));
  }
  relay_.Set({});
  EXPECT_GE(relay_.resets(), 2);
  ExpectAllThere();
}

TEST_F(RelayTest, LossAndDelayLoseNothing) {
  for (const NetworkFaults& faults :
       {NetworkFaults{.loss = 0.01}, NetworkFaults{.loss = 0.05}, NetworkFaults{.loss = 0.2},
        NetworkFaults{.delay_ms = 300, .jitter_ms = 100},
        NetworkFaults{.delay_ms = 300, .jitter_ms = 100, .loss = 0.05}}) {
    relay_.Set(faults);
    const int64_t bytes = relay_.bytes();
    Wait(Seconds(2, 120));
    EXPECT_GT(relay_.bytes(), bytes) << "nothing passed";
    ExpectAllThere();
  }
  EXPECT_GT(relay_.lost_segments(), 0);
}

TEST_F(RelayTest, CutsOfOneDirectionLoseNothing) {
  for (const NetworkFaults& faults :
       {NetworkFaults{.cut_up = true}, NetworkFaults{.cut_down = true},
        NetworkFaults{.cut_up = true, .cut_down = true}}) {
    relay_.Set(faults);
    Wait(Seconds(3, 600));
    relay_.Set({});
    ExpectAllThere();
  }
}

// Reconnects that find the collector away, and one that is there and takes nothing.
TEST_F(RelayTest, ACollectorThatComesAndGoesLosesNothing) {
  for (int i = 0; i < (std::getenv("RONDA_LONG") != nullptr ? 20 : 2); ++i) {
    collector_.Signal(i % 2 == 0 ? SIGKILL : SIGTERM);
    collector_.Wait(20'000);
    Wait(1500);
    relay_.Set({.cut_down = true});
    StartCollector();
    Wait(1500);
    relay_.Set({});
    ExpectAllThere();
  }
}

}  // namespace
}  // namespace ronda
