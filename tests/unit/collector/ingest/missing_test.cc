// Why something is missing, and what backfill makes good.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "collector/query/record_view.h"
#include "collector/store/hole.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MissingTest : public IngestTest {
 protected:
  // Ticks in [from, to] seconds, sent live.
  void Live(FakeAgent& agent, int from, int to) {
    for (int s = from; s <= to; ++s) {
      clock_.Advance(1000);
      agent.Tick(start_ms_ + s * 1000, 1);
    }
  }
  // Ticks that are sampled and not sent.
  std::vector<std::string> Sampled(FakeAgent& agent, int from, int to) {
    agent.encoder.StartRun(agent.schema);
    std::vector<std::string> frames;
    for (int s = from; s <= to; ++s) {
      clock_.Advance(1000);
      frames.push_back(agent.Encode(start_ms_ + s * 1000, 9));  // above the threshold
    }
    agent.encoder.StartRun(agent.schema);
    return frames;
  }
  static void Backfill(FakeAgent& agent, const std::vector<std::string>& frames,
                       uint64_t epoch = 0) {
    for (const std::string& frame : frames) {
      agent.Send(frame, v1::LANE_BACKFILL, epoch);
    }
  }
  static void SayBackfilled(FakeAgent& agent) {
    v1::AgentMessage message;
    message.mutable_backfilled();
    agent.session->OnMessage(message);
  }
  // A new stream of the same agent.
  std::unique_ptr<FakeAgent> Again(FakeAgent& before, const std::string& elsewhere = "") {
    auto agent = NewAgent();
    agent->next_seq = before.next_seq;
    v1::AgentMessage hello = agent->Hello("web1", 1);
    hello.mutable_hello()->set_elsewhere(elsewhere);
    agent->session->OnMessage(hello);
    return agent;
  }
  std::unique_ptr<FakeAgent> Restarted(uint64_t epoch, uint64_t kept, uint64_t last_seq,
                                       int newest_s) {
    auto agent = NewAgent();
    v1::AgentMessage hello = agent->Hello("web1", epoch);
    v1::KeptEpoch* of = hello.mutable_hello()->add_kept();
    of->set_epoch(kept);
    of->set_started_ms(5);
    of->set_last_seq(last_seq);
    of->set_newest_ms(start_ms_ + newest_s * 1000);
    agent->session->OnMessage(hello);
    return agent;
  }
  std::vector<std::string> Open() {
    Flush();
    std::vector<query::Gap> gaps;
    EXPECT_OK(query::AddHoles(*store_, 0, INT64_MAX / 2, "", &gaps));
    std::vector<std::string> out;
    for (const query::Gap& gap : gaps) {
      out.push_back(
          fmt::format("{} {}-{}", gap.cause, gap.from_ms - start_ms_, gap.to_ms - start_ms_));
    }
    return out;
  }
};

TEST_F(MissingTest, ACutThatBackfillClosesLeavesALateMarkAlone) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  agent->Close();
  const auto kept = Sampled(*agent, 4, 20);
  auto again = Again(*agent);
  Live(*again, 21, 22);
  EXPECT_THAT(Open(), ElementsAre("network 3000-21000"));
  EXPECT_THAT(Gaps(), IsEmpty());
  Backfill(*again, kept);
  SayBackfilled(*again);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Gaps(), ElementsAre("late 3000-21000"));
  EXPECT_THAT(Alerts(), IsEmpty()) << "load > 4 was long ago for the rules";
  SayBackfilled(*again);
  EXPECT_THAT(Gaps(), testing::SizeIs(1));
}

TEST_F(MissingTest, BackfillMayBeDoneBeforeTheFirstLiveFrame) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  agent->Close();
  const auto kept = Sampled(*agent, 4, 20);
  auto again = Again(*agent);
  Backfill(*again, kept);
  SayBackfilled(*again);
  Live(*again, 21, 22);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Gaps(), ElementsAre("late 3000-21000"));
  // The same over a restart, of which only the time without an agent is missing.
  again->Close();
  const auto more = Sampled(*again, 23, 30);
  auto restarted = Restarted(2, 1, 30, 30);
  Backfill(*restarted, more, 1);
  SayBackfilled(*restarted);
  Live(*restarted, 35, 35);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Gaps(), testing::UnorderedElementsAre("late 3000-21000", "late 22000-30000",
                                                    "agent killed 30000-35000"));
}

TEST_F(MissingTest, ACollectorThatWasDownSaysSo) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  Flush();
  agent->Close();
  store_->Close();
  const auto kept = Sampled(*agent, 4, 20);
  IngestTest::Open();
  auto again = Again(*agent);
  Live(*again, 21, 22);
  EXPECT_THAT(Open(), ElementsAre("collector down 3000-21000"));
  // What is open outlives another restart.
  again->Close();
  store_->Close();
  IngestTest::Open();
  auto third = Again(*again);
  Backfill(*third, kept);
  SayBackfilled(*third);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Gaps(), ElementsAre("late 3000-21000"));
}

TEST_F(MissingTest, AnAgentThatWasKilledWhileItKeptLosesOnlyTheTimeItWasAway) {
  auto before = NewAgent();
  before->Join("web1", 1);
  Live(*before, 1, 3);
  before->Close();
  const auto kept = Sampled(*before, 4, 20);
  clock_.Advance(10'000);
  auto agent = Restarted(2, 1, 20, 20);
  Live(*agent, 31, 31);
  EXPECT_THAT(Open(), ElementsAre("network 3000-20000"));
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("agent killed 20000-31000"));
  Backfill(*agent, kept, 1);
  SayBackfilled(*agent);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_THAT(Gaps(), testing::UnorderedElementsAre("agent killed 20000-31000", "late 3000-20000"));
}

TEST_F(MissingTest, WhatWasOnNoDiskIsAGapOfTheKill) {
  auto before = NewAgent();
  before->Join("web1", 1);
  Live(*before, 1, 3);
  before->Close();
  Sampled(*before, 4, 11);  // in memory
  const auto kept = Sampled(*before, 12, 20);
  auto agent = Restarted(2, 1, 20, 20);
  Live(*agent, 21, 21);
  Backfill(*agent, kept, 1);
  SayBackfilled(*agent);
  Flush();
  // Numbers 4 to 11 of 4 to 20, the times between 3 s and 20 s in proportion.
  EXPECT_THAT(Gaps(),
              testing::UnorderedElementsAre("agent killed 20000-21000", "agent killed 3000-11000"));
}

// What was kept of an agent comes on the stream of its successor, which is killed too before it
// sends a frame of its own: the gap before what was kept is known all the same.
TEST_F(MissingTest, WhatIsMissingBeforeKeptFramesIsToldWithThem) {
  for (const bool restart : {false, true}) {
    SCOPED_TRACE(restart);
    const int at = restart ? 100 : 0;
    const auto epoch = static_cast<uint64_t>(at);
    auto first = NewAgent();
    first->Join("web1", epoch + 1);
    Live(*first, at + 1, at + 3);
    first->Close();
    auto second = NewAgent();
    const auto kept = Sampled(*second, at + 10, at + 15);
    const auto join = [&](uint64_t as, bool keeps) {
      auto agent = NewAgent();
      v1::AgentMessage hello = agent->Hello("web1", epoch + as);
      hello.mutable_hello()->set_epoch_started_ms(start_ms_ + (at + 19) * 1000);
      if (keeps) {
        v1::KeptEpoch* of = hello.mutable_hello()->add_kept();
        of->set_epoch(epoch + 2);
        of->set_started_ms(start_ms_ + at * 1000 + 9500);
        of->set_last_seq(6);
        of->set_newest_ms(start_ms_ + at * 1000 + 15'000);
      }
      agent->session->OnMessage(hello);
      return agent;
    };
    auto third = join(3, true);
    Backfill(*third, kept, epoch + 2);
    third->Close();
    Flush();
    if (restart) {
      store_->Close();
      IngestTest::Open();
    }
    auto fourth = join(4, restart);  // the acknowledgement came, or did not
    Live(*fourth, at + 20, at + 21);
    Flush();
    ASSERT_OK_AND_ASSIGN(const auto gaps,
                         query::ReadGaps(*store_, start_ms_ + at * 1000, INT64_MAX / 2, ""));
    std::vector<std::string> told;
    for (const query::Gap& gap : gaps) {
      if (gap.cause != store::kLateCause) {
        told.push_back(fmt::format("{} {}-{}", gap.cause, gap.from_ms - start_ms_ - at * 1000,
                                   gap.to_ms - start_ms_ - at * 1000));
      }
    }
    EXPECT_THAT(told,
                testing::IsSupersetOf({"agent killed 3000-9500", "agent killed 15000-20000"}));
    SayBackfilled(*fourth);
    EXPECT_THAT(Open(), IsEmpty());
    fourth->Close();
  }
}

TEST_F(MissingTest, AnAgentThatStoppedUnheardSaysSoThroughItsSuccessor) {
  auto before = NewAgent();
  before->Join("web1", 1);
  Live(*before, 1, 3);
  before->Close();
  auto agent = NewAgent();
  v1::AgentMessage hello = agent->Hello("web1", 4);
  hello.mutable_hello()->set_epoch_started_ms(start_ms_ + 39'000);
  const auto keep = [&](uint64_t epoch, int started_s, int newest_s, bool stopped) {
    v1::KeptEpoch* kept = hello.mutable_hello()->add_kept();
    kept->set_epoch(epoch);
    kept->set_started_ms(started_s < 0 ? 5 : start_ms_ + started_s * 1000);
    kept->set_last_seq(newest_s == 0 ? 0 : 9);
    kept->set_newest_ms(newest_s == 0 ? 0 : start_ms_ + newest_s * 1000);
    kept->set_stopped(stopped);
  };
  keep(1, -1, 0, true);   // nothing of it was left to keep
  keep(2, 9, 15, false);  // no collector ever saw these
  keep(3, 20, 30, true);
  agent->session->OnMessage(hello);
  Live(*agent, 40, 41);
  Flush();
  EXPECT_THAT(Gaps(),
              testing::UnorderedElementsAre("agent stopped 3000-9000", "agent killed 15000-20000",
                                            "agent stopped 30000-40000"));
}

TEST_F(MissingTest, WhatAnotherCollectorTookIsAFailover) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  agent->Close();
  Sampled(*agent, 4, 20);  // acknowledged by the other one
  auto again = Again(*agent, "b:7710");
  Live(*again, 21, 22);
  EXPECT_THAT(Open(), ElementsAre("failover 3000-21000"));
  SayBackfilled(*again);
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("failover 3000-21000"));
}

TEST_F(MissingTest, WhatTheAgentGaveUpIsForTheAgentToExplain) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  agent->Close();
  Sampled(*agent, 4, 11);
  const auto kept = Sampled(*agent, 12, 20);
  auto again = Again(*agent);
  Live(*again, 21, 21);
  Backfill(*again, kept);
  SayBackfilled(*again);
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("late 3000-21000"));
}

TEST_F(MissingTest, ALaneThatFellBehindIsAHoleOfTheStream) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Live(*agent, 1, 3);
  const auto kept = Sampled(*agent, 4, 30);
  Live(*agent, 31, 32);
  EXPECT_THAT(Open(), ElementsAre("network 3000-31000"));
  Backfill(*agent, kept);
  SayBackfilled(*agent);
  EXPECT_THAT(Open(), IsEmpty());
}

TEST_F(MissingTest, AnAgentOfWhichNothingCameLeavesTheGapToTheNext) {
  auto first = NewAgent();
  first->Join("web1", 1);
  Live(*first, 1, 3);
  first->Close();
  auto second = NewAgent();
  second->Join("web1", 2);
  second->Close();
  auto third = NewAgent();
  third->Join("web1", 3);
  Live(*third, 9, 10);
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("agent killed 3000-9000"));
}

TEST_F(MissingTest, HowAnAgentEndedIsKnownUntilItsSuccessorSendsAFrame) {
  auto first = NewAgent();
  first->Join("web1", 1);
  Live(*first, 1, 3);
  first->Goodbye();
  auto second = NewAgent();
  second->Join("web1", 2, "another boot");
  second->Close();
  Flush();
  store_->Close();
  IngestTest::Open();
  auto third = NewAgent();
  third->Join("web1", 3, "another boot");
  Live(*third, 9, 10);
  Flush();
  EXPECT_THAT(Gaps(), ElementsAre("agent stopped 3000-9000"));
  third->Close();
  auto fourth = NewAgent();
  fourth->Join("web1", 4, "a third boot");
  fourth->Close();
  Flush();
  store_->Close();
  IngestTest::Open();
  auto fifth = NewAgent();
  fifth->Join("web1", 5, "a third boot");
  Live(*fifth, 19, 20);
  Flush();
  EXPECT_THAT(Gaps(), testing::UnorderedElementsAre("agent stopped 3000-9000",
                                                    "host rebooted 10000-19000"));
}

// Frames that waited while the collector was away come before the first live one.
TEST_F(MissingTest, AnEpochMayBeginInTheBackfillLane) {
  for (const bool restart : {false, true}) {
    SCOPED_TRACE(restart);
    const int at = restart ? 100 : 0;
    clock_.Advance(restart ? 86'000 : 0);
    auto first = NewAgent();
    first->Join("web1", at + 1);
    Live(*first, at + 1, at + 3);
    first->Close();
    clock_.Advance(5000);
    auto second = NewAgent();
    const auto kept = Sampled(*second, at + 9, at + 12);
    second->Join("web1", at + 2);
    Backfill(*second, {kept[0], kept[1]});
    second->Close();
    Flush();
    const auto told = Gaps();
    if (restart) {
      store_->Close();
      IngestTest::Open();
    }
    auto again = NewAgent();
    again->next_seq = second->next_seq;
    again->Join("web1", at + 2);
    Live(*again, at + 13, at + 14);
    Flush();
    EXPECT_THAT(Gaps(), testing::IsSupersetOf(told));
    EXPECT_THAT(Gaps(), testing::Contains(
                            fmt::format("agent killed {}-{}", at * 1000 + 3000, at * 1000 + 9000)));
    EXPECT_THAT(Open(), ElementsAre(fmt::format("{} {}-{}", restart ? "collector down" : "network",
                                                at * 1000 + 10'000, at * 1000 + 13'000)));
    Backfill(*again, {kept[2], kept[3]});
    SayBackfilled(*again);
    EXPECT_THAT(Open(), IsEmpty());
    again->Close();
  }
}

TEST_F(MissingTest, AStateThatIsNoHoleIsRefused) {
  store::Hole hole{"web1", 7, 5, {3, 9}, 1000, 2000, "network"};
  ASSERT_OK_AND_ASSIGN(const store::Hole decoded, store::DecodeHole(hole.Encode()));
  EXPECT_EQ(decoded, hole);
  const std::string bytes = hole.Encode();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(store::DecodeHole(bytes.substr(0, size)).ok());
  }
}

}  // namespace
}  // namespace ronda::ingest
