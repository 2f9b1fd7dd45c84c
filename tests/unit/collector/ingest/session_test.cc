#include "collector/ingest/session.h"

#include <gmock/gmock.h>

#include "common/codec/crc32c.h"
#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class SessionTest : public IngestTest {};

void AddLabel(v1::AgentMessage* hello, const std::string& name, const std::string& value) {
  v1::Label* label = hello->mutable_hello()->add_labels();
  label->set_name(name);
  label->set_value(value);
}

TEST_F(SessionTest, StoresWhatItAcknowledges) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 1000, 0.5);
  agent->Tick(start_ms_ + 2000, 0.75);
  Flush();
  EXPECT_EQ(agent->acknowledged().ranges(), (std::vector<codec::SeqRange>{{1, 2}}));
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:0.5", "2000:0.75"));
}

TEST_F(SessionTest, AsksForAnUnknownSchemaOnceAndKeepsTheFramesMeanwhile) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Send(agent->Encode(start_ms_ + 1000, 1));
  agent->Send(agent->Encode(start_ms_ + 2000, 2));
  EXPECT_EQ(agent->schema_requests(), 1);
  Flush();
  EXPECT_TRUE(agent->acknowledged().empty());
  agent->SendSchema();
  Flush();
  EXPECT_EQ(agent->acknowledged().count(), 2u);
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:2"));
  // Another node with the same series: the collector has the schema by its hash.
  auto other = NewAgent();
  other->Join("web2", 2);
  other->Send(other->Encode(start_ms_ + 1000, 3));
  EXPECT_EQ(other->schema_requests(), 0);
}

// Each message may have a million samples; those that waited for a schema are many messages.
TEST_F(SessionTest, FramesThatWaitedForTheirSchemaAreNotOneMessage) {
  auto agent = NewAgent();
  auto wide = std::make_shared<Schema>(*agent->schema);
  for (int i = 0; i < 2000; ++i) {
    wide->series.push_back({1, Labels(std::vector<Label>{{"core", std::to_string(i)}})});
  }
  agent->schema = wide;
  agent->encoder.StartRun(wide);
  agent->Join("web1", 1);
  const std::vector<double> values(wide->series.size(), 1);
  constexpr int kFrames = 550;  // 1.1 million samples
  for (int i = 0; i < kFrames; ++i) {
    std::string frame;
    agent->encoder.Encode(agent->next_seq++, start_ms_ + i * 1000, values, &frame);
    agent->Send(frame);
  }
  EXPECT_EQ(agent->schema_requests(), 1);
  agent->SendSchema();
  Flush();
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_EQ(agent->acknowledged().count(), uint64_t{kFrames});
}

TEST_F(SessionTest, WantsHelloFirst) {
  auto agent = NewAgent();
  agent->Send(agent->Encode(start_ms_ + 1000, 1));
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kFailedPrecondition, "Hello"));
}

TEST_F(SessionTest, RefusesAVersionThatItDoesNotSpeak) {
  auto agent = NewAgent();
  v1::AgentMessage hello = agent->Hello("web1", 1);
  hello.mutable_hello()->mutable_versions()->set_min(2);
  hello.mutable_hello()->mutable_versions()->set_max(3);
  agent->session->OnMessage(hello);
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kUnimplemented, "versions 2 to 3"));
}

TEST_F(SessionTest, RefusesABadNameAndReservedLabels) {
  auto nameless = NewAgent();
  nameless->Join("", 1);
  EXPECT_TRUE(nameless->Closed(absl::StatusCode::kInvalidArgument, "name"));
  auto labelled = NewAgent();
  v1::AgentMessage hello = labelled->Hello("web1", 1);
  AddLabel(&hello, "instance", "mine");
  labelled->session->OnMessage(hello);
  EXPECT_TRUE(labelled->Closed(absl::StatusCode::kInvalidArgument, "instance is reserved"));
}

TEST_F(SessionTest, RefusesASecondLiveAgentOfOneName) {
  auto first = NewAgent();
  first->Join("web1", 1);
  first->Tick(start_ms_ + 1000, 1);
  auto second = NewAgent();
  second->Join("web1", 2);
  EXPECT_TRUE(second->Closed(absl::StatusCode::kAlreadyExists, "cloned"));
  EXPECT_THAT(first->closed(), IsEmpty());
  EXPECT_EQ(pipeline_->counters().refused_clones, 1);
  first->Tick(start_ms_ + 2000, 2);
  Flush();
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:2"));
}

TEST_F(SessionTest, TheSameAgentMayComeBackBeforeItsOldStreamEnds) {
  auto first = NewAgent();
  first->Join("web1", 1);
  first->Tick(start_ms_ + 1000, 1);
  auto again = NewAgent();
  again->Join("web1", 1);
  EXPECT_THAT(again->closed(), IsEmpty());
  EXPECT_TRUE(first->Closed(absl::StatusCode::kAborted, "newer stream"));
}

TEST_F(SessionTest, ARepeatedFrameIsAcknowledgedAndStoredOnce) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  const std::string key = agent->Tick(start_ms_ + 1000, 1);
  const std::string delta = agent->Tick(start_ms_ + 2000, 2);
  Flush();
  agent->Close();
  auto again = NewAgent();
  again->Join("web1", 1);
  again->Send(key, v1::LANE_BACKFILL);
  again->Send(delta, v1::LANE_BACKFILL);
  Flush();
  EXPECT_EQ(again->acknowledged().count(), 2u);
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "2000:2"));
  EXPECT_EQ(store_->Stats().counters.duplicate_samples, 0);
}

TEST_F(SessionTest, AKnownNumberWithAnotherContentOrdersANewEpoch) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 1000, 1);
  Flush();
  auto other = NewAgent();
  other->Join("web1", 1);
  other->Send(other->Encode(start_ms_ + 1000, 99));
  bool ordered = false;
  for (const auto& message : other->messages()) {
    ordered = ordered || message.has_new_epoch();
  }
  EXPECT_TRUE(ordered);
  Flush();
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1"));
  EXPECT_THAT(Gaps(), ElementsAre(StartsWith("rejected")));
}

TEST_F(SessionTest, ADamagedFrameCostsOnlyItsRun) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 1000, 1);
  std::string damaged = agent->Encode(start_ms_ + 2000, 2);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  agent->Send(damaged);
  EXPECT_THAT(agent->last_reject(), StartsWith("DAMAGED"));
  agent->Send(agent->Encode(start_ms_ + 3000, 3));
  EXPECT_THAT(agent->last_reject(), StartsWith("OUT_OF_ORDER"));
  agent->encoder.StartRun(agent->schema);
  agent->Tick(start_ms_ + 4000, 4);
  Flush();
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1", "4000:4"));
}

TEST_F(SessionTest, EveryTruncationIsRefused) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  const std::string frame = agent->Tick(start_ms_ + 1000, 1);
  for (size_t size = 0; size < frame.size(); ++size) {
    agent->Send(frame.substr(0, size));
  }
  EXPECT_THAT(agent->closed(), IsEmpty());
  Flush();
  EXPECT_THAT(Values("load", "web1"), ElementsAre("1000:1"));
}

TEST_F(SessionTest, AFrameOfALaterVersionIsRefusedByName) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  std::string frame = agent->Encode(start_ms_ + 1000, 1);
  frame[0] = static_cast<char>((frame[0] & 0x0f) | 0x70);
  // Every version keeps the checksum at the end.
  frame.resize(frame.size() - 4);
  codec::PutU32(&frame, codec::Crc32c(frame));
  agent->Send(frame);
  EXPECT_THAT(agent->last_reject(), StartsWith("UNSUPPORTED_VERSION"));
}

TEST_F(SessionTest, AnOversizedFrameIsRefusedUnread) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Send(std::string(codec::kMaxFrameBytes + 1, 'x'));
  EXPECT_THAT(agent->last_reject(), StartsWith("TOO_LARGE"));
}

TEST_F(SessionTest, TooManySeriesAreRefused) {
  auto agent = NewAgent({.max_series = 2});
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 1000, 1);
  EXPECT_THAT(agent->last_reject(), StartsWith("TOO_MANY_SERIES"));
  Flush();
  EXPECT_THAT(Values("load", "web1"), IsEmpty());
}

TEST_F(SessionTest, ANodeLabelThatAMetricUsesIsRefusedByName) {
  auto agent = NewAgent();
  v1::AgentMessage hello = agent->Hello("web1", 1);
  AddLabel(&hello, "core", "x");
  agent->session->OnMessage(hello);
  agent->Tick(start_ms_ + 1000, 1);
  EXPECT_THAT(agent->last_reject(), HasSubstr("label core is also a label of load"));
}

TEST_F(SessionTest, SamplesFromTheFutureAreRefused) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 11 * 60 * 1000, 1);
  EXPECT_THAT(agent->last_reject(), StartsWith("FROM_THE_FUTURE"));
  Flush();
  EXPECT_THAT(Values("load", "web1"), IsEmpty());
}

TEST_F(SessionTest, AClockThatGoesBackLosesNothingThatIsHeld) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 5000, 1);
  agent->Tick(start_ms_ + 6000, 2);
  agent->Tick(start_ms_ + 5000, 77);  // again: the first durable value wins
  agent->Tick(start_ms_ + 5500, 3);
  Flush();
  EXPECT_EQ(agent->acknowledged().count(), 4u);
  EXPECT_THAT(Values("load", "web1"), ElementsAre("5000:1", "5500:3", "6000:2"));
  EXPECT_EQ(pipeline_->counters().late_frames, 2);
}

}  // namespace
}  // namespace ronda::ingest
