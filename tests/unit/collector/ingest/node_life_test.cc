// What people say of nodes: expected, retired, taken back; over restarts.
#include "collector/store/node_life.h"

#include <gmock/gmock.h>

#include "collector/ingest/expected_nodes.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using store::LifeState;
using store::NodeLife;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kMinute = 60;

class NodeLifeTest : public IngestTest {
 protected:
  // As the admin service does it: durable first.
  absl::Status Change(const std::string& node, NodeChange change, const std::string& to = "") {
    RONDA_RETURN_IF_ERROR(pipeline_->CheckChange(node, change, to));
    const bool gone = change == NodeChange::kRetire || change == NodeChange::kRename;
    const NodeLife life{node, gone ? LifeState::kRetired : LifeState::kExpected, clock_.NowMs(),
                        "test", to};
    store::StateWrite write{std::string(store::kNodeLifeSpace), node, life.Encode()};
    if (change == NodeChange::kUnretire) {
      write.value.reset();
    }
    pipeline_->Write(std::move(write));
    pipeline_->Apply(life, change);
    return absl::OkStatus();
  }
  void Run(FakeAgent& agent, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      agent.Tick(clock_.NowMs(), 1);
      pipeline_->Tick();
    }
  }
  void Quiet(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      pipeline_->Tick();
    }
  }
  // What is durable of them.
  std::vector<std::string> Kept() const {
    std::vector<std::string> out;
    EXPECT_OK(store_->ScanState(store::kNodeLifeSpace, [&](std::string_view key, std::string_view) {
      out.push_back(std::string(key));
    }));
    return out;
  }
};

TEST(NodeLifeState, ComesBackAsItWas) {
  const NodeLife life{"web1", LifeState::kRetired, 1'795'000'000'123, "user alice (operate)"};
  ASSERT_OK_AND_ASSIGN(const NodeLife back, store::DecodeNodeLife(life.Encode()));
  EXPECT_EQ(back, life);
  const NodeLife renamed{"web1", LifeState::kRetired, 5, "user alice (operate)", "web2"};
  ASSERT_OK_AND_ASSIGN(const NodeLife again, store::DecodeNodeLife(renamed.Encode()));
  EXPECT_EQ(again, renamed);
  const std::string bytes = renamed.Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(store::DecodeNodeLife(bytes.substr(0, size)).ok()) << size;
  }
}

TEST_F(NodeLifeTest, AnExpectedNodeThatDoesNotComeIsAlerted) {
  ASSERT_OK(Change("web9", NodeChange::kExpect));
  Quiet(10 * kMinute - 1);
  EXPECT_THAT(Alerts(), IsEmpty());
  Quiet(1);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  EXPECT_EQ(pipeline_->counters().silent_nodes, 1);
  Quiet(20);
  EXPECT_EQ(pipeline_->counters().silent_nodes, 1) << "once";
  // Then it comes.
  auto agent = NewAgent();
  agent->Join("web9", 1);
  Run(*agent, 2);
  Flush();
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_THAT(AlertLog(), Contains(HasSubstr("node joined")));
  EXPECT_THAT(Values("load", "web9"), testing::SizeIs(2));
  Quiet(31);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing")) << "watched like any other";
}

TEST_F(NodeLifeTest, AnExpectedNodeIsExpectedAfterARestart) {
  ASSERT_OK(Change("web9", NodeChange::kExpect));
  Quiet(9 * kMinute);
  Flush();
  Open();
  Quiet(59);
  EXPECT_THAT(Alerts(), IsEmpty());
  Quiet(2);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing")) << "its ten minutes went on";
}

TEST_F(NodeLifeTest, TheConfigurationExpectsNodes) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2);
  ASSERT_OK(Change("web2", NodeChange::kExpect));
  ASSERT_OK(ExpectNodes({"web1", "web2", "web3", "web4"}, *pipeline_, *store_, clock_));
  Flush();
  EXPECT_THAT(Kept(), testing::UnorderedElementsAre("web2", "web3", "web4"));
  Open();
  // Said once more it is as it was; what is no longer said is over, but what a person said is not.
  ASSERT_OK(ExpectNodes({"web4"}, *pipeline_, *store_, clock_));
  Flush();
  EXPECT_THAT(Kept(), testing::UnorderedElementsAre("web2", "web4"));
  ASSERT_OK(Change("web4", NodeChange::kRetire));
  ASSERT_OK(ExpectNodes({"web4"}, *pipeline_, *store_, clock_));
  Flush();
  Quiet(11 * kMinute);
  EXPECT_EQ(pipeline_->counters().silent_nodes, 2) << "web1, and web2 that did not come";
}

TEST_F(NodeLifeTest, ARenamedNodeGoesOnUnderItsNewName) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2);
  ASSERT_OK(Change("web7", NodeChange::kExpect));
  EXPECT_THAT(Change("web1", NodeChange::kRename, "not a name"),
              StatusIs(absl::StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(Change("nobody", NodeChange::kRename, "web8"),
              StatusIs(absl::StatusCode::kNotFound, "nobody"));
  EXPECT_THAT(Change("web1", NodeChange::kRename, "web1"),
              StatusIs(absl::StatusCode::kAlreadyExists, "web1 is a node of its own"));
  ASSERT_OK(Change("web1", NodeChange::kRename, "web7"));
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kUnavailable, "web1 is called web7"));
  agent->Close();
  const auto goes_on = [&](double load) {
    auto next = NewAgent();
    next->Join("web1", 1);
    next->next_seq = agent->next_seq;
    clock_.Advance(1000);
    next->Tick(clock_.NowMs(), load);
    Flush();
    agent->next_seq = next->next_seq;
    next->Close();
  };
  goes_on(7);
  EXPECT_THAT(Values("load", "web1"), testing::SizeIs(2)) << "history keeps the old name";
  EXPECT_THAT(Values("load", "web7"), ElementsAre("3000:7"));
  EXPECT_THAT(Gaps(), IsEmpty());
  Open();
  goes_on(8);
  EXPECT_THAT(Values("load", "web7"), ElementsAre("3000:7", "4000:8")) << "after a restart too";
  EXPECT_THAT(Change("web1", NodeChange::kRename, "web9"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "was renamed to web7"));
  // And once more, and back.
  ASSERT_OK(Change("web7", NodeChange::kRename, "web9"));
  goes_on(9);
  EXPECT_THAT(Values("load", "web9"), ElementsAre("5000:9"));
  ASSERT_OK(Change("web1", NodeChange::kUnretire));
  goes_on(10);
  EXPECT_THAT(Values("load", "web1"), Contains("6000:10"));
}

TEST_F(NodeLifeTest, ARetiredNodeAlertsNobodyAndKeepsItsHistory) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2);
  Quiet(31);
  ASSERT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  ASSERT_OK(Change("web1", NodeChange::kRetire));
  EXPECT_THAT(Alerts(), IsEmpty());
  Quiet(10 * kMinute);
  Flush();
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), Contains(HasSubstr("NodeSilent firing->resolved node retired")));
  EXPECT_THAT(Values("load", "web1"), Contains("1000:1"));
  Open();
  Quiet(10 * kMinute);
  EXPECT_THAT(Alerts(), IsEmpty()) << "nor after a restart";
}

TEST_F(NodeLifeTest, NoAgentOfARetiredNodeIsLetIn) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2);
  ASSERT_OK(Change("web1", NodeChange::kRetire));
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kFailedPrecondition, "was retired"));
  auto again = NewAgent();
  again->Join("web1", 2);
  EXPECT_TRUE(again->Closed(absl::StatusCode::kFailedPrecondition, "ronda nodes unretire web1"));
  EXPECT_EQ(pipeline_->refusals().of(Refusal::kRetired), 1);
  ASSERT_OK(Change("web1", NodeChange::kUnretire));
  auto back = NewAgent();
  back->Join("web1", 2);
  Run(*back, 2);
  Flush();
  EXPECT_THAT(back->closed(), IsEmpty());
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_THAT(Values("load", "web1"), testing::SizeIs(4));
}

TEST_F(NodeLifeTest, ANodeThatWasTakenBackAndDoesNotComeIsSilent) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 2);
  ASSERT_OK(Change("web1", NodeChange::kRetire));
  Flush();
  Open();
  Quiet(2 * kMinute);
  ASSERT_OK(Change("web1", NodeChange::kUnretire));
  Quiet(29);
  EXPECT_THAT(Alerts(), IsEmpty());
  Quiet(2);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
}

TEST_F(NodeLifeTest, AnotherMachineOfTheSameNameIsLetInAndToldOfUntilItIsAccepted) {
  const auto join = [&](const std::string& machine, uint64_t epoch) {
    auto agent = NewAgent();
    v1::AgentMessage hello = agent->Hello("web1", epoch);
    hello.mutable_hello()->set_machine_id(machine);
    agent->session->OnMessage(hello);
    EXPECT_THAT(agent->closed(), IsEmpty());
    agent->Tick(clock_.NowMs(), 1);
    agent->Close();
    clock_.Advance(60'000);
    return pipeline_->LiveNodes().at(0).machine_changed_ms;
  };
  EXPECT_EQ(join("first", 1), 0);
  EXPECT_EQ(join("first", 2), 0) << "a restart";
  EXPECT_EQ(join("", 3), 0) << "an agent that does not say";
  const int64_t changed_ms = join("second", 4);
  EXPECT_EQ(changed_ms, clock_.NowMs() - 60'000);
  EXPECT_EQ(join("second", 5), changed_ms) << "until somebody accepts it";
  Flush();
  Open();
  EXPECT_EQ(pipeline_->LiveNodes().at(0).machine_changed_ms, changed_ms);
  ASSERT_OK(pipeline_->CheckChange("web1", NodeChange::kAccept));
  pipeline_->Write(pipeline_->AcceptMachine("web1"));
  pipeline_->Apply({"web1", LifeState::kExpected, clock_.NowMs(), "test"}, NodeChange::kAccept);
  EXPECT_EQ(pipeline_->LiveNodes().at(0).machine_changed_ms, 0);
  Flush();
  Open();
  EXPECT_EQ(pipeline_->LiveNodes().at(0).machine_changed_ms, 0);
  EXPECT_EQ(join("second", 6), 0);
  EXPECT_THAT(pipeline_->CheckChange("web1", NodeChange::kAccept),
              StatusIs(absl::StatusCode::kNotFound, "nothing to accept"));
}

TEST_F(NodeLifeTest, SaysWhatCannotBe) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 1);
  EXPECT_THAT(Change("web1", NodeChange::kExpect),
              StatusIs(absl::StatusCode::kAlreadyExists, "has been here"));
  EXPECT_THAT(Change("a b", NodeChange::kExpect),
              StatusIs(absl::StatusCode::kInvalidArgument, "name"));
  EXPECT_THAT(Change("nobody", NodeChange::kRetire),
              StatusIs(absl::StatusCode::kNotFound, "no node is called \"nobody\""));
  EXPECT_THAT(Change("web1", NodeChange::kUnretire),
              StatusIs(absl::StatusCode::kNotFound, "no retired node"));
  ASSERT_OK(Change("web1", NodeChange::kRetire));
  EXPECT_THAT(Change("web1", NodeChange::kRetire),
              StatusIs(absl::StatusCode::kAlreadyExists, "retired already"));
  EXPECT_THAT(Change("web1", NodeChange::kExpect),
              StatusIs(absl::StatusCode::kFailedPrecondition, "unretire web1"));
  ASSERT_OK(Change("web9", NodeChange::kExpect));
  EXPECT_THAT(Change("web9", NodeChange::kExpect),
              StatusIs(absl::StatusCode::kAlreadyExists, "expected already"));
  ASSERT_OK(Change("web9", NodeChange::kRetire)) << "it will not come after all";
}

}  // namespace
}  // namespace ronda::ingest
