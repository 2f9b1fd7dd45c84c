// The life of nodes: silent, back, restarted; and what it does to alerts and gaps.
#include <gmock/gmock.h>

#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SilenceTest : public IngestTest {
 protected:
  // Ticks of one second each, with the collector's clock along.
  void Run(FakeAgent& agent, int seconds, double load) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      agent.Tick(clock_.NowMs(), load);
      pipeline_->Tick();
    }
  }
  void Quiet(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      pipeline_->Tick();
    }
  }
};

TEST_F(SilenceTest, ASilentNodeEndsItsSeriesAndIsDown) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2, 1);
  Quiet(29);
  EXPECT_THAT(Values("up", "web1"), ElementsAre("1000:1", "2000:1"));
  Quiet(1);
  Flush();
  // One millisecond beside the agent's own ticks.
  EXPECT_THAT(Values("up", "web1"), ElementsAre("1000:1", "2000:1", "32001:0"));
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:1", "32001:stale"));
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  EXPECT_EQ(pipeline_->counters().silent_nodes, 1);
  Quiet(15);
  Flush();
  EXPECT_THAT(Values("up", "web1"), Contains("47001:0")) << "said again, so that it is not stale";
  EXPECT_EQ(pipeline_->counters().silent_nodes, 1);
}

// What an agent can only say from its second reading on is missing in its first frame, not over.
TEST_F(SilenceTest, AnAgentThatStartsAnewEndsNoAlert) {
  UseRules(R"(groups:
- name: g
  rules:
  - {alert: High, expr: load > 4}
)");
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2, 9);
  agent->Goodbye();
  agent->Close();
  agent = NewAgent();
  agent->Join("web1", 2);
  Run(*agent, 1, StaleMarker());
  EXPECT_THAT(Alerts(), ElementsAre("High unknown"));
  Run(*agent, 1, 9);
  EXPECT_THAT(Alerts(), ElementsAre("High firing"));
  Run(*agent, 1, StaleMarker());
  EXPECT_THAT(Alerts(), IsEmpty());
  Flush();
  EXPECT_THAT(AlertLog(),
              ElementsAre("High inactive->firing ", "High firing->unknown agent started",
                          "High unknown->firing ", "High firing->resolved ended"));
}

TEST_F(SilenceTest, ANodeThatIsBackResolvesIt) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2, 1);
  Quiet(31);
  Run(*agent, 1, 1);
  Flush();
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), ElementsAre("NodeSilent inactive->firing ",
                                      HasSubstr("NodeSilent firing->resolved")));
}

TEST_F(SilenceTest, AlertsOfASilentNodeBecomeUnknownNotResolved) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 5, 9);
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  Quiet(31);
  EXPECT_THAT(Alerts(), testing::UnorderedElementsAre("LoadHigh unknown", "NodeSilent firing"));
  Run(*agent, 1, 9);
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  Run(*agent, 1, 1);
  Flush();
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), Contains(HasSubstr("LoadHigh firing->unknown node silent")));
}

TEST_F(SilenceTest, AFailingSourceMakesUnknownAnEndedSeriesResolves) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 5, 9);
  clock_.Advance(1000);
  agent->Tick(clock_.NowMs(), 9, /*up=*/0);
  EXPECT_THAT(Alerts(), Contains("LoadHigh unknown"));
  Run(*agent, 1, 9);
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
}

TEST_F(SilenceTest, AfterARestartOfTheCollectorThereIsAGraceThenSilence) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 5, 9);
  Flush();
  agent->Close();
  Open();
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing")) << "a restart forgets nothing";
  Quiet(89);
  EXPECT_THAT(Alerts(), testing::Not(Contains("NodeSilent firing")));
  Quiet(2);
  EXPECT_THAT(Alerts(), testing::UnorderedElementsAre("LoadHigh unknown", "NodeSilent firing"));
  Flush();
  EXPECT_THAT(Values("load", "web1"), Contains(HasSubstr("stale")));
}

TEST_F(SilenceTest, NodesThatComeBackSlowlyHaveTwiceTheirTime) {
  const auto join = [&](const std::string& node) {
    auto agent = NewAgent();
    agent->Join(node, 1);
    return agent;
  };
  for (const char* name : {"web1", "web2", "web3"}) {
    auto agent = join(name);
    Run(*agent, 1, 1);
    Flush();
    agent->Close();
  }
  Open();
  Quiet(50);
  const auto web1 = join("web1");
  const auto web2 = join("web2");
  const auto other = join("web9");  // not awaited
  web1->next_seq = web2->next_seq = 2;
  const auto run = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      web1->Tick(clock_.NowMs(), 1);
      web2->Tick(clock_.NowMs(), 1);
      other->Tick(clock_.NowMs(), 1);
      pipeline_->Tick();
    }
  };
  run(79);
  EXPECT_THAT(Alerts(), IsEmpty()) << "two times 50 s and silence_after are not over";
  run(2);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  EXPECT_EQ(pipeline_->counters().silent_nodes, 1);
}

TEST_F(SilenceTest, ARestartRepeatsNothing) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 5, 9);
  Flush();
  const auto before = AlertLog();
  agent->Close();
  Open();
  auto again = NewAgent();
  again->Join("web1", 2);
  Run(*again, 5, 9);
  Flush();
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  EXPECT_EQ(AlertLog(), before);
}

TEST_F(SilenceTest, ARestartedAgentLeavesAGapWithItsCause) {
  auto first = NewAgent();
  first->Join("web1", 1);
  Run(*first, 2, 1);
  first->Close();
  clock_.Advance(10'000);
  auto killed = NewAgent();
  killed->Join("web1", 2);
  Run(*killed, 2, 1);
  killed->Goodbye();
  clock_.Advance(10'000);
  auto stopped = NewAgent();
  stopped->Join("web1", 3);
  Run(*stopped, 1, 1);
  stopped->Close();
  clock_.Advance(10'000);
  auto rebooted = NewAgent();
  rebooted->Join("web1", 4, "another boot");
  Run(*rebooted, 1, 1);
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("agent killed 2000-13000", "agent stopped 14000-25000",
                                  "host rebooted 25000-36000"));
}

TEST_F(SilenceTest, AReconnectOfTheSameAgentIsNoGap) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2, 1);
  Flush();
  agent->Close();
  clock_.Advance(5000);
  agent->session = nullptr;
  auto again = NewAgent();
  again->next_seq = 3;
  again->Join("web1", 1);
  Run(*again, 1, 1);
  Flush();
  EXPECT_THAT(Gaps(), IsEmpty());
}

}  // namespace
}  // namespace ronda::ingest
