// Frames that an agent kept over its restart come later, with the numbers of their epoch.
#include <gmock/gmock.h>

#include "collector/ingest/session.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class KeptEpochTest : public IngestTest {
 protected:
  // An agent of epoch `now` that kept frames of the others.
  std::unique_ptr<FakeAgent> Restarted(uint64_t now, const std::vector<uint64_t>& kept) {
    auto agent = NewAgent();
    v1::AgentMessage hello = agent->Hello("web1", now);
    for (const uint64_t epoch : kept) {
      v1::KeptEpoch* added = hello.mutable_hello()->add_kept();
      added->set_epoch(epoch);
      added->set_started_ms(5);
    }
    agent->session->OnMessage(hello);
    return agent;
  }
};

TEST_F(KeptEpochTest, FramesOfAnEarlierEpochKeepTheirNumbers) {
  auto before = NewAgent();
  before->Join("web1", 1);
  const std::vector<std::string> run = {before->Tick(start_ms_ + 1000, 1),
                                        before->Tick(start_ms_ + 2000, 2),
                                        before->Encode(start_ms_ + 3000, 3)};
  Flush();
  before->Close();
  auto agent = Restarted(2, {1});
  const v1::Welcome welcome = agent->messages().front().welcome();
  ASSERT_EQ(welcome.held_kept_size(), 1);
  EXPECT_EQ(welcome.held_kept(0).epoch(), 1u);
  EXPECT_EQ(welcome.held_kept(0).held(0).last(), 2u);
  EXPECT_THAT(welcome.capabilities(), testing::Contains("epochs"));
  agent->Tick(start_ms_ + 9000, 9);  // number 1 of epoch 2, between those of epoch 1
  for (const std::string& frame : run) {
    agent->Send(frame, v1::LANE_BACKFILL, 1);
  }
  agent->Tick(start_ms_ + 10'000, 10);
  Flush();
  EXPECT_EQ(agent->acknowledged().ranges(), (std::vector<codec::SeqRange>{{1, 2}}));
  EXPECT_EQ(agent->acknowledged(1).ranges(), (std::vector<codec::SeqRange>{{1, 3}}));
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_THAT(Values("load", "web1"),
              ElementsAre("1000:1", "2000:2", "3000:3", "9000:9", "10000:10"));
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 0);
}

TEST_F(KeptEpochTest, TwoEarlierEpochsMayUseTheSameGroupNumbers) {
  auto first = NewAgent();
  auto second = NewAgent();
  const std::string a1 = first->Encode(start_ms_ + 1000, 1);
  const std::string a2 = first->Encode(start_ms_ + 2000, 2);
  const std::string b1 = second->Encode(start_ms_ + 5000, 5);
  const std::string b2 = second->Encode(start_ms_ + 6000, 6);
  auto agent = Restarted(3, {1, 2});
  agent->Send(a1, v1::LANE_BACKFILL, 1);
  agent->SendSchema();
  agent->Send(a2, v1::LANE_BACKFILL, 1);
  agent->Send(b1, v1::LANE_BACKFILL, 2);
  agent->Send(b2, v1::LANE_BACKFILL, 2);
  Flush();
  EXPECT_EQ(agent->acknowledged(1).count(), 2u);
  EXPECT_EQ(agent->acknowledged(2).count(), 2u);
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:2", "5000:5", "6000:6"));
}

TEST_F(KeptEpochTest, FramesThatWaitForASchemaKeepTheirEpoch) {
  auto before = NewAgent();
  const std::string key = before->Encode(start_ms_ + 1000, 1);
  const std::string delta = before->Encode(start_ms_ + 2000, 2);
  auto agent = Restarted(2, {1});
  agent->Send(key, v1::LANE_BACKFILL, 1);
  agent->Send(agent->Encode(start_ms_ + 9000, 9));
  agent->Send(delta, v1::LANE_BACKFILL, 1);
  agent->SendSchema();
  Flush();
  EXPECT_EQ(agent->acknowledged().ranges(), (std::vector<codec::SeqRange>{{1, 1}}));
  EXPECT_EQ(agent->acknowledged(1).ranges(), (std::vector<codec::SeqRange>{{1, 2}}));
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:2", "9000:9"));
}

TEST_F(KeptEpochTest, AnEpochThatHelloDidNotNameIsRefused) {
  auto agent = Restarted(2, {1});
  agent->Send(agent->Encode(start_ms_ + 1000, 1), v1::LANE_BACKFILL, 7);
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kInvalidArgument, "did not name"));
}

TEST_F(KeptEpochTest, AnEarlierEpochIsNoLiveData) {
  auto agent = Restarted(2, {1});
  agent->Send(agent->Encode(start_ms_ + 1000, 1), v1::LANE_LIVE, 1);
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kInvalidArgument, "live lane"));
}

TEST_F(KeptEpochTest, AKnownNumberOfAnEarlierEpochWithAnotherContentIsRefusedAlone) {
  auto before = NewAgent();
  before->Join("web1", 1);
  before->Tick(start_ms_ + 1000, 1);
  Flush();
  before->Close();
  auto agent = Restarted(2, {1});
  agent->Send(agent->Encode(start_ms_ + 1000, 77), v1::LANE_BACKFILL, 1);
  EXPECT_THAT(agent->last_reject(), StartsWith("DAMAGED: frame 1 of an earlier epoch"));
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1"));
}

TEST_F(KeptEpochTest, RulesDoNotTakeWhatWasKeptForThePresent) {
  auto before = NewAgent();
  std::vector<std::string> run;
  for (int i = 1; i <= 6; ++i) {
    run.push_back(before->Encode(start_ms_ + i * 1000, 9));  // above the threshold, long enough
  }
  auto agent = Restarted(2, {1});
  agent->Tick(start_ms_ + 9000, 1);
  for (const std::string& frame : run) {
    agent->Send(frame, v1::LANE_BACKFILL, 1);
  }
  agent->Tick(start_ms_ + 10'000, 1);
  Flush();
  EXPECT_EQ(agent->acknowledged(1).count(), 6u);
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_THAT(AlertLog(), IsEmpty());
}

}  // namespace
}  // namespace ronda::ingest
