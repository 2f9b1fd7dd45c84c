// The real agent keeps sampling while its collector is killed, stopped or away, and what it sampled
// meanwhile arrives later: no second is missing and none is there twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

class ReconnectTest : public testing::Test {
 protected:
  void SetUp() override {
    address_ = "127.0.0.1:" + std::to_string(FreePort());
    StartCollector();
    ASSERT_TRUE(agent_.Start(AgentCommand(), dir_.File("agent.log")));
    ASSERT_TRUE(Eventually(20'000, [&] { return Ticks().size() >= 2; })) << Logs();
  }

  std::vector<std::string> AgentCommand() {
    return {ProgramPath("ronda-agent"),
            "--insecure",
            "--collector",
            address_,
            "--node",
            "web1",
            "--spool",
            dir_.File("spool.db")};
  }

  void StartCollector() {
    ASSERT_TRUE(collector_.Start({ProgramPath("ronda-collector"), "--insecure", "--data",
                                  dir_.File("data"), "--listen", address_, "--no-socket"},
                                 dir_.File("collector.log")));
  }

  // Times of the node's samples, in milliseconds since the epoch.
  std::vector<int64_t> Ticks() {
    const Output csv = RunProgram({ProgramPath("ronda"), "--data", dir_.File("data"), "query",
                                   "up{node=\"web1\"}", "--since", "10m", "-o", "json"});
    std::vector<int64_t> ticks;
    // [seconds,"1"] pairs: nothing else in the document looks like that.
    for (size_t at = csv.out.find(",\"1\"]"); at != std::string::npos;
         at = csv.out.find(",\"1\"]", at + 1)) {
      const size_t begin = csv.out.rfind('[', at) + 1;
      ticks.push_back(
          static_cast<int64_t>(std::stod(csv.out.substr(begin, at - begin)) * 1000 + 0.5));
    }
    return ticks;
  }

  // The ticks are a second apart from first to last, and reach over at least `seconds`.
  void ExpectNoHole(int64_t seconds) {
    ASSERT_TRUE(Eventually(30'000,
                           [&] {
                             const std::vector<int64_t> ticks = Ticks();
                             return !ticks.empty() &&
                                    ticks.back() - ticks.front() >= seconds * 1000 &&
                                    ticks.back() - ticks.front() ==
                                        static_cast<int64_t>(ticks.size() - 1) * 1000;
                           }))
        << testing::PrintToString(Ticks()) << Logs();
  }

  std::string Logs() {
    return ReadFile(dir_.File("collector.log")).value_or("") +
           ReadFile(dir_.File("agent.log")).value_or("");
  }

  TempDir dir_;
  std::string address_;
  Process collector_;
  Process agent_;
};

TEST_F(ReconnectTest, ACollectorThatIsKilledAndComesBackMissesNothing) {
  for (int i = 0; i < 2; ++i) {
    collector_.Kill();
    const int64_t away_until = MonotonicMsForTest() + 2500;
    Eventually(5000, [&] { return MonotonicMsForTest() >= away_until; });
    StartCollector();
    const size_t before = Ticks().size();
    ASSERT_TRUE(Eventually(20'000, [&] { return Ticks().size() >= before + 2; })) << Logs();
  }
  ExpectNoHole(8);
}

TEST_F(ReconnectTest, ACollectorThatStandsStillForAWhileMissesNothing) {
  collector_.Signal(SIGSTOP);
  const int64_t until = MonotonicMsForTest() + 4000;
  Eventually(6000, [&] { return MonotonicMsForTest() >= until; });
  collector_.Signal(SIGCONT);
  ExpectNoHole(6);
}

TEST_F(ReconnectTest, AnAgentThatIsKilledLeavesAGapThatSaysSo) {
  agent_.Kill();
  const int64_t until = MonotonicMsForTest() + 2500;
  Eventually(5000, [&] { return MonotonicMsForTest() >= until; });
  ASSERT_TRUE(agent_.Start(AgentCommand(), dir_.File("agent.log")));
  ASSERT_TRUE(Eventually(20'000, [&] {
    const Output gaps =
        RunProgram({ProgramPath("ronda"), "--data", dir_.File("data"), "gaps", "web1"});
    return gaps.out.find("agent killed") != std::string::npos;
  })) << Logs();
}

TEST_F(ReconnectTest, AnAgentThatStoodStillSaysWhichTicksAreMissing) {
  agent_.Signal(SIGSTOP);
  const int64_t until = MonotonicMsForTest() + 3000;
  Eventually(5000, [&] { return MonotonicMsForTest() >= until; });
  agent_.Signal(SIGCONT);
  ASSERT_TRUE(Eventually(20'000, [&] {
    const Output gaps =
        RunProgram({ProgramPath("ronda"), "--data", dir_.File("data"), "gaps", "web1"});
    return gaps.out.find("paused") != std::string::npos &&
           gaps.out.find("ticks were left out") != std::string::npos;
  })) << Logs();
}

}  // namespace
}  // namespace ronda
