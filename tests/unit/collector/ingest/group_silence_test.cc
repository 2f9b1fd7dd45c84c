#include "collector/ingest/group_silence.h"

#include <gmock/gmock.h>

#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kAfterMs = 30'000;

class GroupSilenceTest : public testing::Test {
 protected:
  // `quiet` nodes for `ms`, the rest are heard; labels as given.
  void Update(int nodes, int quiet, int64_t ms, int told = 0) {
    std::vector<GroupSilence::Node> view;
    labels_.clear();
    for (int i = 0; i < nodes; ++i) {
      labels_.push_back(Labels({{"rack", std::to_string(i / 10)}, {"role", "web"}}));
    }
    for (int i = 0; i < nodes; ++i) {
      view.push_back({i + 1, &labels_[static_cast<size_t>(i)], i < quiet ? ms : 1'000, i < told});
    }
    groups_.Update(view, kAfterMs);
  }

  GroupSilence groups_;
  std::vector<Labels> labels_;
};

TEST_F(GroupSilenceTest, FewNodesAreNoGroup) {
  Update(10, 4, 31'000);
  EXPECT_FALSE(groups_.active().has_value()) << "four are told one by one";
  Update(1000, 20, 20'000);
  EXPECT_FALSE(groups_.active().has_value()) << "nobody is due";
  EXPECT_FALSE(groups_.Holds(1));
}

TEST_F(GroupSilenceTest, MoreThanAFifthOfAllIsOne) {
  Update(20, 5, 30'000);
  ASSERT_TRUE(groups_.active().has_value());
  EXPECT_EQ(groups_.active()->name, "all nodes");
  EXPECT_EQ(groups_.active()->silent, 5);
  EXPECT_EQ(groups_.active()->nodes, 20);
  EXPECT_TRUE(groups_.Holds(5));
  EXPECT_FALSE(groups_.Holds(6));
  // It grows, shrinks, and ends when a tenth is left.
  Update(20, 12, 40'000);
  EXPECT_EQ(groups_.active()->silent, 12);
  Update(60, 7, 50'000);
  EXPECT_TRUE(groups_.active().has_value());
  Update(60, 6, 60'000);
  EXPECT_FALSE(groups_.active().has_value());
  EXPECT_FALSE(groups_.Holds(1)) << "what is left is told by itself";
}

TEST_F(GroupSilenceTest, ARackIsOne) {
  Update(1000, 9, 31'000);
  ASSERT_TRUE(groups_.active().has_value());
  EXPECT_EQ(groups_.active()->name, "rack=0") << "and not role=web, which all are";
  EXPECT_EQ(groups_.active()->silent, 9);
}

TEST_F(GroupSilenceTest, NodesThatWereToldLongAgoMakeNone) {
  Update(20, 8, 3'600'000, 8);
  EXPECT_FALSE(groups_.active().has_value());
  Update(20, 12, 31'000, 8);
  EXPECT_FALSE(groups_.active().has_value()) << "four more";
  Update(20, 13, 31'000, 8);
  ASSERT_TRUE(groups_.active().has_value());
  EXPECT_EQ(groups_.active()->silent, 5);
  EXPECT_FALSE(groups_.Holds(1)) << "that one was told";
}

// --- with the rules ---

constexpr char kGroupRules[] = R"(
groups:
  - name: test
    rules:
      - alert: NodeSilent
        expr: up{job="node"} == 0
        labels: {severity: critical}
      - alert: ManyNodesSilent
        expr: ronda_nodes_silent_ratio > 0
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.group }}"}
)";

class ManySilentTest : public IngestTest {
 protected:
  void Start(int nodes, uint64_t first_epoch = 1) {
    for (int i = 0; i < nodes; ++i) {
      agents_.push_back(NewAgent());
      agents_.back()->Join("web" + std::to_string(i), first_epoch + static_cast<uint64_t>(i));
    }
    Run(2);
  }
  // Those from `first` on are heard.
  void Run(int seconds, size_t first = 0) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      for (size_t n = first; n < agents_.size(); ++n) {
        agents_[n]->Tick(clock_.NowMs(), 1);
      }
      pipeline_->Tick();
    }
  }
  std::vector<std::unique_ptr<FakeAgent>> agents_;
};

TEST_F(ManySilentTest, IsOneAlertWhichResolvesWhenTheyAreBack) {
  UseRules(kGroupRules);
  Start(20);
  Run(31, 8);
  EXPECT_THAT(Alerts(), ElementsAre("ManyNodesSilent firing"));
  EXPECT_EQ(pipeline_->counters().silent_nodes, 8);
  Flush();
  EXPECT_THAT(Values("up", "web0"), Contains(HasSubstr(":0"))) << "each is down all the same";
  Run(60, 8);
  EXPECT_THAT(Alerts(), ElementsAre("ManyNodesSilent firing"));
  Run(2);
  Flush();
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), ElementsAre(HasSubstr("ManyNodesSilent inactive->firing"),
                                      HasSubstr("ManyNodesSilent firing->resolved")));
}

TEST_F(ManySilentTest, WhoIsLeftIsToldByItself) {
  UseRules(kGroupRules);
  Start(20);
  Run(31, 8);
  ASSERT_THAT(Alerts(), ElementsAre("ManyNodesSilent firing"));
  Run(20, 1);
  EXPECT_THAT(Alerts(), ElementsAre("NodeSilent firing"));
}

TEST_F(ManySilentTest, WithoutARuleForItEachIsTold) {
  Start(20);
  Run(31, 8);
  EXPECT_THAT(Alerts(), testing::SizeIs(8));
}

TEST_F(ManySilentTest, ARestartEndsWhatIsOver) {
  UseRules(kGroupRules);
  Start(20);
  Run(31, 8);
  ASSERT_THAT(Alerts(), ElementsAre("ManyNodesSilent firing"));
  Flush();
  Open();
  agents_.clear();
  Start(20, 100);
  Run(100);
  EXPECT_THAT(Alerts(), IsEmpty());
}

TEST_F(ManySilentTest, AfterARestartAllThatStayAwayAreOneAlert) {
  UseRules(kGroupRules);
  Start(20);
  Flush();
  Open();
  const size_t nobody = agents_.size();
  Run(89, nobody);
  EXPECT_THAT(Alerts(), IsEmpty()) << "the grace of sixty seconds, and thirty";
  Run(2, nobody);
  EXPECT_THAT(Alerts(), ElementsAre("ManyNodesSilent firing"));
}

}  // namespace
}  // namespace ronda::ingest
