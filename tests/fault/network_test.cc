// The network between a real agent and a real collector, each in a network namespace of its own,
// fails in ways that no socket tells of: nothing that was sampled is missing, nothing is there
// twice, and what comes live is soon as new as before. RONDA_LONG=1: cuts of up to 10 minutes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/watched_node.h"

namespace ronda {
namespace {

constexpr char kIp[] = "/sbin/ip";
constexpr char kAgentAddress[] = "10.213.77.1";
constexpr char kCollectorAddress[] = "10.213.77.2";

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access(kIp, X_OK) != 0) {
      GTEST_SKIP() << "network namespaces need root and ip of the Debian package iproute2";
    }
    if (!Ip({"netns", "add", agent_ns_}) || !Ip({"netns", "add", collector_ns_})) {
      GTEST_SKIP() << "network namespaces cannot be made (CAP_NET_ADMIN, CAP_SYS_ADMIN): " << why_;
    }
    ASSERT_TRUE(Ip({"link", "add", "ra", "netns", agent_ns_, "type", "veth", "peer", "name", "rc",
                    "netns", collector_ns_}))
        << why_;
    for (const auto& [ns, device, address] : {std::tuple(agent_ns_, "ra", kAgentAddress),
                                              std::tuple(collector_ns_, "rc", kCollectorAddress)}) {
      ASSERT_TRUE(Ip({"-n", ns, "addr", "add", std::string(address) + "/24", "dev", device}) &&
                  Ip({"-n", ns, "link", "set", device, "up"}) &&
                  Ip({"-n", ns, "link", "set", "lo", "up"}))
          << why_;
    }
    ASSERT_TRUE(collector_.Start(
        {kIp, "netns", "exec", collector_ns_, ProgramPath("ronda-collector"), "--insecure",
         "--insecure-anywhere", "--data", data_, "--listen",
         std::string(kCollectorAddress) + ":7710", "--no-socket", "--log-level", "warn"},
        dir_.File("collector.log")));
    ASSERT_TRUE(agent_.Start(
        {kIp, "netns", "exec", agent_ns_, ProgramPath("ronda-agent"), "--insecure",
         "--insecure-anywhere", "--collector", std::string(kCollectorAddress) + ":7710", "--node",
         "web1", "--spool", dir_.File("spool.db")},
        dir_.File("agent.log")));
    ASSERT_TRUE(Eventually(20'000, [&] { return Newest() > 0; })) << Logs();
  }
  void TearDown() override {
    agent_.Kill();
    collector_.Kill();
    for (const std::string& ns : {agent_ns_, collector_ns_}) {
      Ip({"netns", "del", ns});  // its devices go with it
    }
  }

  bool Ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), kIp);
    const Output run = RunProgram(arguments);
    why_ = run.err;
    return run.exit_code == 0;
  }
  bool InAgent(std::vector<std::string> command) {
    command.insert(command.begin(), {"netns", "exec", agent_ns_});
    return Ip(std::move(command));
  }
  // What is sent to the other side goes to a machine that is not there; nobody is told.
  void CutOneWay(const std::string& ns, const char* device, const char* to, bool cut) {
    ASSERT_TRUE(cut ? Ip({"-n", ns, "neigh", "replace", to, "lladdr", "02:00:00:00:77:77", "dev",
                          device, "nud", "permanent"})
                    : Ip({"-n", ns, "neigh", "del", to, "dev", device}))
        << why_;
  }
  static void Wait(int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
  static int64_t Seconds(int64_t brief, int64_t full) {
    return 1000 * (std::getenv("RONDA_LONG") != nullptr ? full : brief);
  }

  int64_t Newest() {
    const std::vector<int64_t> ticks = TicksOf(data_, "web1");
    return ticks.empty() ? 0 : ticks.back();
  }
  static int64_t NowMs() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  // The fault that lasts for `ms` is one.
  void WaitCut(int64_t ms) {
    const int64_t since_ms = NowMs();
    Wait(ms);
    EXPECT_LE(Newest(), since_ms + 1000) << "nothing was cut";
  }
  // What is live is at most 5 s old, and nothing is missing any more.
  bool Recovers() {
    return Eventually(90'000, [&] {
      const std::vector<ToldGap> gaps = GapsOf(data_, "web1");
      const std::vector<int64_t> ticks = TicksOf(data_, "web1");
      return !ticks.empty() && ticks.back() >= NowMs() - 5000 &&
             Unexplained(ticks, StallsOf(gaps)).empty();
    });
  }
  void ExpectAllThere() {
    ASSERT_TRUE(Recovers()) << testing::PrintToString(TicksOf(data_, "web1")) << Logs();
    EXPECT_FALSE(HasDoubles(TicksOf(data_, "web1")));
    EXPECT_TRUE(Eventually(60'000,
                           [&] {
                             const std::vector<ToldGap> gaps = GapsOf(data_, "web1");
                             return StallsOf(gaps).size() == gaps.size();
                           }))
        << "all of it came: no gap is left" << Logs();
  }
  std::string Logs() {
    return ReadFile(dir_.File("collector.log")).value_or("") +
           ReadFile(dir_.File("agent.log")).value_or("");
  }

  const std::string agent_ns_ = "ronda-a-" + std::to_string(getpid());
  const std::string collector_ns_ = "ronda-c-" + std::to_string(getpid());
  TempDir dir_;
  const std::string data_ = dir_.File("data");
  std::string why_;
  Process collector_;
  Process agent_;
};

TEST_F(NetworkTest, CutsAndAStoppedCollectorLoseNothing) {
  for (const int64_t cut_ms : {Seconds(3, 60), Seconds(3, 600)}) {
    CutOneWay(agent_ns_, "ra", kCollectorAddress, true);
    WaitCut(cut_ms);
    CutOneWay(agent_ns_, "ra", kCollectorAddress, false);
    ExpectAllThere();
    CutOneWay(collector_ns_, "rc", kAgentAddress, true);  // acknowledgements do not come
    Wait(cut_ms);
    CutOneWay(collector_ns_, "rc", kAgentAddress, false);
    ExpectAllThere();
    if (std::getenv("RONDA_LONG") == nullptr) {
      break;
    }
  }
  ASSERT_TRUE(Ip({"-n", collector_ns_, "link", "set", "rc", "down"})) << why_;
  WaitCut(Seconds(3, 600));
  ASSERT_TRUE(Ip({"-n", collector_ns_, "link", "set", "rc", "up"})) << why_;
  ExpectAllThere();
  collector_.Signal(SIGSTOP);
  WaitCut(Seconds(3, 60));
  collector_.Signal(SIGCONT);
  ExpectAllThere();
}

TEST_F(NetworkTest, LossAndDelayLoseNothing) {
  const auto netem = [&](std::vector<std::string> how) {
    how.insert(how.begin(), {"/sbin/tc", "qdisc", "replace", "dev", "ra", "root", "netem"});
    return InAgent(std::move(how));
  };
  if (!netem({"loss", "1%"})) {
    GTEST_SKIP() << "this kernel has no netem (module sch_netem): " << why_;
  }
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"loss", "5%"}, {"loss", "20%"}, {"delay", "300ms", "100ms"}}) {
    ASSERT_TRUE(netem(how)) << why_;
    Wait(Seconds(3, 60));
    ExpectAllThere();
  }
}

}  // namespace
}  // namespace ronda
