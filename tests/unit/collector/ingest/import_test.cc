// History from a file: durable like an agent's, and without any life of its own.
#include <gmock/gmock.h>

#include "collector/rules/interval/evaluator.h"
#include "common/model/rule_series.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImportTest : public IngestTest {
 protected:
  // A stream that says it is an import.
  std::unique_ptr<FakeAgent> Import(const std::string& node, uint64_t epoch) {
    auto agent = NewAgent();
    v1::AgentMessage hello = agent->Hello(node, epoch);
    hello.mutable_hello()->add_capabilities("import");
    agent->session->OnMessage(hello);
    return agent;
  }

  // A tick of up = 1 and this load, whose alert would fire, for a group of this name.
  static void Send(FakeAgent& agent, const std::string& group, int64_t t_ms, double load,
                   const std::string& job = "node") {
    codec::SampleRunEncoder encoder(static_cast<uint32_t>(agent.next_seq), {group, job, ""});
    encoder.StartRun(agent.schema);
    std::string frame;
    const double values[] = {1, load, 3};
    encoder.Encode(agent.next_seq++, t_ms, values, &frame);
    const int before = agent.schema_requests();
    agent.Send(frame, v1::LANE_BACKFILL);
    if (agent.schema_requests() > before) {
      agent.SendSchema();
    }
  }

  void Quiet(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      pipeline_->Tick();
    }
  }

  query::LiveNode Live(const std::string& name) const {
    for (const query::LiveNode& node : pipeline_->LiveNodes()) {
      if (node.name == name) {
        return node;
      }
    }
    ADD_FAILURE() << name << " is not known";
    return {};
  }
};

TEST_F(ImportTest, IsDurableAndNoRuleSeesIt) {
  auto import = Import("old1", 7);
  ASSERT_TRUE(import->messages().front().has_welcome());
  EXPECT_THAT(import->messages().front().welcome().capabilities(), ElementsAre("import"));
  for (int i = 1; i <= 5; ++i) {
    Send(*import, "import/node/old1", start_ms_ + i * 1000, 9);
  }
  Flush();
  EXPECT_EQ(import->acknowledged().count(), 5u);
  EXPECT_THAT(Values("load", "old1"),
              ElementsAre("1000:9", "2000:9", "3000:9", "4000:9", "5000:9"));
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), IsEmpty());
}

TEST_F(ImportTest, IsReadMoreSlowlyWhileMuchOfItIsNotSealed) {
  auto import = Import("old1", 7);
  Send(*import, "import/node/old1", start_ms_ - 60'000, 9);
  EXPECT_EQ(import->session->TakePause(), 0);
  pipeline_options_.max_late_bytes = 0;
  Open();
  import = Import("old1", 8);
  Send(*import, "import/node/old1", start_ms_ - 50'000, 9);
  EXPECT_GT(import->session->TakePause(), 0);
}

TEST_F(ImportTest, AnImportedNodeIsNeverAliveAndNeverSilent) {
  auto import = Import("old1", 7);
  Send(*import, "import/node/old1", start_ms_ - 60'000, 9);
  Flush();
  EXPECT_FALSE(Live("old1").connected);
  EXPECT_EQ(Live("old1").last_frame_ms, 0);
  Quiet(200);
  import->Close();
  Quiet(200);
  // Nor after a restart, when the collector knows its sources from the catalogue.
  Open();
  Quiet(200);
  Flush();
  EXPECT_FALSE(Live("old1").silent);
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(Values("up", "old1"), ElementsAre("-60000:1"));
  EXPECT_THAT(Gaps(), IsEmpty());
  // An agent that comes later begins without a gap: there was no other before it.
  auto agent = NewAgent();
  agent->Join("old1", 1);
  clock_.Advance(1000);
  agent->Tick(clock_.NowMs(), 1);
  Flush();
  EXPECT_TRUE(Live("old1").connected);
  EXPECT_THAT(Gaps(), IsEmpty());
}

TEST_F(ImportTest, ALiveNodeStaysAsItIs) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  clock_.Advance(1000);
  agent->Tick(clock_.NowMs(), 1);
  auto import = Import("web1", 7);
  // Two samples that are there already, with other values, and one before.
  Send(*import, "import/node/web1", start_ms_ - 1000, 9);
  Send(*import, "import/node/web1", start_ms_ + 1000, 9);
  Flush();
  EXPECT_EQ(import->acknowledged().count(), 2u);
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_THAT(Values("load", "web1"), ElementsAre("-1000:9", "1000:1")) << "the first durable wins";
  const std::optional<store::NodeInfo> node = store_->FindNode("web1");
  EXPECT_EQ(node->epoch.id, 1u);
  EXPECT_EQ(node->agent_version, "test");
  // Its import does not speak for it: it falls silent when its agent does.
  for (int i = 0; i < 31; ++i) {
    Send(*import, "import/node/web1", start_ms_ - 100'000 + i * 1000, 1);
    Quiet(1);
  }
  EXPECT_TRUE(Live("web1").silent);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  import->Close();
  EXPECT_TRUE(Live("web1").connected) << "the end of an import is not the agent's";
}

// Thresholds look at what is pushed to a node beside what its agent sends, also after a restart.
TEST_F(ImportTest, RulesAtIntervalsSeeWhatIsPushedBesideAnAgent) {
  const std::string text = R"(groups:
- name: g
  interval: 10s
  rules:
  - {alert: High, expr: load > 4}
)";
  UseRules(text);
  ASSERT_OK_AND_ASSIGN(const rules::RuleFile file, rules::ParseRuleFile("rules.yml", text));
  std::unique_ptr<rules::Evaluator> evaluator;
  const auto start = [&](std::vector<rules::Alert> alerts) {
    evaluator = std::make_unique<rules::Evaluator>(
        std::vector<rules::RuleFile>{file}, rules::EvaluatorOptions{}, *pipeline_, *store_, clock_);
    evaluator->Restore(std::move(alerts));
  };
  start({});
  auto agent = NewAgent();
  agent->Join("web1", 1);
  auto import = Import("web1", 7);
  const auto tick = [&](double own, double pushed) {
    clock_.Advance(10'000);
    agent->Tick(clock_.NowMs(), own);
    Send(*import, "import/push", clock_.NowMs(), pushed, "app");
    evaluator->RunDue();
    Flush();
  };
  tick(9, 9);
  tick(9, 9);  // the group looks some seconds after each tick, at what was there then
  EXPECT_THAT(Alerts(), ElementsAre("High firing")) << "of the agent";
  ASSERT_EQ(evaluator->Active().size(), 1u);
  EXPECT_EQ(evaluator->Active()[0].labels.Get("job"), "app");

  std::vector<rules::Alert> others;
  evaluator.reset();
  Open();
  pipeline_ =
      std::make_unique<Pipeline>(Pipeline::Options{}, *store_, *engine_, *gate_, *outbox_, clock_);
  ASSERT_OK(pipeline_->Restore(&others));
  ASSERT_EQ(others.size(), 1u);
  EXPECT_EQ(others[0].labels.Get("job"), "app");
  EXPECT_THAT(Alerts(), ElementsAre("High firing"));
  start(std::move(others));
  evaluator->RunDue();  // before anybody pushes again
  agent = NewAgent();
  agent->Join("web1", 2);
  import = Import("web1", 8);
  tick(9, 9);
  EXPECT_THAT(AlertLog(), ElementsAre("High inactive->firing ", "High inactive->firing "));
  tick(9, 1);
  tick(9, 1);
  EXPECT_THAT(Alerts(), ElementsAre("High firing"));
  EXPECT_TRUE(evaluator->Active().empty());
  EXPECT_THAT(AlertLog(), ElementsAre("High inactive->firing ", "High inactive->firing ",
                                      "High firing->resolved "));
}

TEST_F(ImportTest, SilenceIsSaidOnceForANodeWithImports) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  clock_.Advance(1000);
  agent->Tick(clock_.NowMs(), 1);
  auto import = Import("web1", 7);
  Send(*import, "import/node/web1", start_ms_ - 50'000, 1);
  Flush();
  agent->Close();
  import->Close();
  Open();
  Quiet(91);
  Flush();
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
  std::vector<store::SourceInfo> sources =
      store_->Sources(*store_->PutNode(*store_->FindNode("web1")));
  std::erase_if(sources, [](const auto& s) { return s.group.name.starts_with(kRuleGroups); });
  EXPECT_EQ(sources.size(), 2u);
  const int64_t frames = store_->Stats().counters.committed_frames;
  Quiet(15);
  Flush();
  EXPECT_EQ(store_->Stats().counters.committed_frames - frames, 1)
      << "up = 0 is said of the agent's source alone";
}

TEST_F(ImportTest, OnlyGroupsOfImports) {
  auto import = Import("old1", 7);
  Send(*import, "host", start_ms_ + 1000, 9);
  EXPECT_TRUE(import->Closed(absl::StatusCode::kInvalidArgument, "import/"));
  EXPECT_THAT(Values("load", "old1"), IsEmpty());
}

TEST_F(ImportTest, ABadNameIsRefused) {
  auto import = Import("bad name", 7);
  EXPECT_TRUE(import->Closed(absl::StatusCode::kInvalidArgument, "not allowed"));
}

}  // namespace
}  // namespace ronda::ingest
