// What one agent may send: each limit, and what the operator sees of it.
#include <gmock/gmock.h>

#include <algorithm>

#include "collector/ingest/session.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::shared_ptr<const Schema> MakeSchema(const std::string& metric, int series, int first = 0) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{metric, MetricType::kGauge, "", ""}};
  for (int i = first; i < first + series; ++i) {
    schema->series.push_back({0, Labels(std::vector<Label>{{"i", std::to_string(1'000'000 + i)}})});
  }
  return schema;
}

class LimitsTest : public IngestTest {
 protected:
  // A frame of another schema: `encoder` is of one group.
  void Send(FakeAgent& agent, codec::SampleRunEncoder& encoder,
            const std::shared_ptr<const Schema>& schema, int64_t t_ms,
            v1::Lane lane = v1::LANE_LIVE) {
    encoder.StartRun(schema);
    agent.schema = schema;
    const std::vector<double> values(schema->series.size(), 1);
    std::string frame;
    encoder.Encode(agent.next_seq++, t_ms, values, &frame);
    const int before = agent.schema_requests();
    agent.Send(frame, lane);
    if (agent.schema_requests() > before) {
      agent.SendSchema();
    }
  }

  std::vector<query::Refused> RefusedOf(const std::string& node) const {
    for (const query::LiveNode& live : pipeline_->LiveNodes()) {
      if (live.name == node) {
        return live.refused;
      }
    }
    return {};
  }
};

TEST_F(LimitsTest, SeriesOfAllGroupsTogether) {
  const auto agent = NewAgent({.max_series = 10});
  agent->Join("web1", 1);
  codec::SampleRunEncoder first(1, {"first", "node", ""});
  codec::SampleRunEncoder second(2, {"second", "node", ""});
  Send(*agent, first, MakeSchema("a", 6), start_ms_ + 1000);
  EXPECT_THAT(agent->last_reject(), IsEmpty());
  Send(*agent, second, MakeSchema("b", 5), start_ms_ + 1000);
  EXPECT_THAT(agent->last_reject(),
              AllOf(StartsWith("TOO_MANY_SERIES"), HasSubstr("has 11"), HasSubstr("max_series")));
  // A group that shrinks makes room.
  Send(*agent, first, MakeSchema("a", 4), start_ms_ + 2000);
  Send(*agent, second, MakeSchema("b", 5), start_ms_ + 2000);
  Flush();
  EXPECT_EQ(agent->acknowledged().ranges(), (std::vector<codec::SeqRange>{{1, 1}, {3, 4}}));
  EXPECT_THAT(agent->closed(), IsEmpty()) << "other groups go on";
  ASSERT_THAT(RefusedOf("web1"), SizeIs(1));
  EXPECT_EQ(RefusedOf("web1")[0].cause, "series");
  EXPECT_EQ(pipeline_->refusals().of(Refusal::kSeries), 1);
}

TEST_F(LimitsTest, NewSeriesAMinuteAlsoOverANewStream) {
  const SessionLimits limits{.max_series = 100, .max_new_series = 60};
  auto agent = NewAgent(limits);
  agent->Join("web1", 1);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  Send(*agent, encoder, MakeSchema("a", 80), start_ms_ + 1000);
  Send(*agent, encoder, MakeSchema("a", 80, 10), start_ms_ + 2000);
  EXPECT_THAT(agent->last_reject(), IsEmpty()) << "ten of them are new";
  Send(*agent, encoder, MakeSchema("a", 80), start_ms_ + 3000);
  EXPECT_THAT(agent->last_reject(), IsEmpty()) << "it had this one before";
  Send(*agent, encoder, MakeSchema("b", 80), start_ms_ + 4000);
  EXPECT_THAT(agent->last_reject(), AllOf(HasSubstr("80 new series"), HasSubstr("in 10 s")));
  agent->Close();
  agent = NewAgent(limits);
  agent->Join("web1", 2);
  codec::SampleRunEncoder again(1, {"host", "node", ""});
  Send(*agent, again, MakeSchema("a", 80), start_ms_ + 5000);
  EXPECT_THAT(agent->last_reject(), IsEmpty()) << "what it had is not new after a reconnect";
  Send(*agent, again, MakeSchema("b", 80), start_ms_ + 6000);
  EXPECT_THAT(agent->last_reject(), HasSubstr("80 new series"));
  const int asked = agent->schema_requests();
  Send(*agent, again, MakeSchema("b", 80), start_ms_ + 7000);
  EXPECT_EQ(agent->schema_requests(), asked) << "not asked for until there is room";
  clock_.Advance(11'000);
  Send(*agent, again, MakeSchema("b", 80), start_ms_ + 8000);
  EXPECT_EQ(agent->schema_requests(), asked + 1);
  Flush();
  EXPECT_TRUE(agent->acknowledged().Contains(4));
  EXPECT_EQ(RefusedOf("web1")[0].cause, "new_series");
  EXPECT_EQ(RefusedOf("web1")[0].count, 3);
}

TEST_F(LimitsTest, WhatComesAndGoesIsNewOnceInBackfillToo) {
  const auto agent = NewAgent({.max_series = 100, .max_new_series = 60});
  agent->Join("web1", 1);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  // Of an hour without a collector: 80 series, one of which is another one each minute. No frame of
  // the group came live yet; then some do.
  for (int i = 0; i < 30; ++i) {
    Send(*agent, encoder, MakeSchema("a", 80, i), start_ms_ - 3'600'000 + i * 60'000,
         v1::LANE_BACKFILL);
    EXPECT_THAT(agent->last_reject(), IsEmpty()) << i;
  }
  codec::SampleRunEncoder live(1, {"host", "node", ""});
  Send(*agent, live, MakeSchema("a", 80, 40), start_ms_ + 1000);
  for (int i = 30; i < 40; ++i) {
    Send(*agent, encoder, MakeSchema("a", 80, i), start_ms_ - 3'600'000 + i * 60'000,
         v1::LANE_BACKFILL);
    EXPECT_THAT(agent->last_reject(), IsEmpty()) << i;
  }
  Flush();
  EXPECT_EQ(agent->acknowledged().count(), 41u);
}

TEST_F(LimitsTest, ARefusedExplosionIsNotKept) {
  const auto agent = NewAgent({.max_series = 50, .max_new_series = 1});
  agent->Join("web1", 1);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  for (int i = 0; i < 20; ++i) {
    Send(*agent, encoder, MakeSchema("a", 40, 40 * i), start_ms_ + 1000 * (i + 1));
  }
  Flush();
  EXPECT_EQ(agent->acknowledged().count(), 1u);
  EXPECT_EQ(store_->Stats().series, 40);
}

TEST_F(LimitsTest, LabelsByTheirSizes) {
  const auto with = [](std::vector<Label> labels, const std::string& metric = "m") {
    auto schema = std::make_shared<Schema>();
    schema->metrics = {{metric, MetricType::kGauge, "", ""}};
    schema->series = {{0, Labels(std::move(labels))}};
    return std::shared_ptr<const Schema>(schema);
  };
  const auto agent =
      NewAgent({.max_labels = 2, .max_label_name_bytes = 10, .max_label_value_bytes = 12});
  agent->Join("web1", 1);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  int64_t t_ms = start_ms_ + 1000;
  const auto reject = [&](const std::shared_ptr<const Schema>& schema) {
    Send(*agent, encoder, schema, t_ms += 1000);
    return agent->last_reject();
  };
  EXPECT_EQ(reject(with({{"a", "123456789012"}, {"abcdefghij", "x"}}, "metric_len")), "");
  EXPECT_THAT(reject(with({{"a", "1234567890123"}})),
              AllOf(StartsWith("TOO_LARGE"), HasSubstr("label a of m"), HasSubstr("13 bytes")));
  EXPECT_THAT(reject(with({{"abcdefghijk", "x"}})), HasSubstr("max_label_name"));
  EXPECT_THAT(reject(with({{"a", "1"}, {"b", "1"}, {"c", "1"}})), HasSubstr("3 labels"));
  EXPECT_THAT(reject(with({}, "metric_long")), HasSubstr("the metric metric_long"));
  const int asked = agent->schema_requests();
  EXPECT_THAT(reject(with({{"abcdefghijk", "x"}})), HasSubstr("max_label_name"));
  EXPECT_EQ(agent->schema_requests(), asked) << "known to be refused";
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_EQ(RefusedOf("web1")[0].cause, "labels");
}

TEST_F(LimitsTest, ASchemaThatTheFormatForbidsCostsItsGroupAlone) {
  const auto agent = NewAgent();
  agent->Join("web1", 1);
  auto bad = std::make_shared<Schema>();
  bad->metrics = {{"m", MetricType::kGauge, "", ""}};
  bad->series = {{0, Labels(std::vector<Label>{{"node", "mine"}})}};
  codec::SampleRunEncoder encoder(1, {"bad", "node", ""});
  Send(*agent, encoder, bad, start_ms_ + 1000);
  EXPECT_THAT(agent->last_reject(), AllOf(StartsWith("RESERVED_LABEL"), HasSubstr("node")));
  codec::SampleRunEncoder other(2, {"good", "node", ""});
  Send(*agent, other, MakeSchema("a", 1), start_ms_ + 1000);
  Flush();
  EXPECT_THAT(agent->closed(), IsEmpty());
  EXPECT_EQ(agent->acknowledged().ranges(), (std::vector<codec::SeqRange>{{2, 2}}));
}

TEST_F(LimitsTest, WhatComesTooFastIsReadMoreSlowlyAndLosesNothing) {
  const auto agent = NewAgent({.max_samples = 100});
  agent->Join("web1", 1);
  int64_t pause_ms = 0;
  int ticks = 0;
  while (pause_ms == 0 && ticks < 100) {
    agent->Tick(start_ms_ + 1000 + 10 * ticks++, 1);
    pause_ms = agent->session->TakePause();
  }
  // A small message counts as a hundred samples and more.
  EXPECT_GT(ticks, 5);
  EXPECT_LT(ticks, 11);
  EXPECT_GT(pause_ms, 0);
  EXPECT_THAT(agent->last_reject(), AllOf(StartsWith("RATE"), HasSubstr("100 samples a second")));
  for (const v1::CollectorMessage& message : agent->messages()) {
    EXPECT_EQ(message.reject().range_size(), 0) << "nothing is refused";
  }
  clock_.Advance(pause_ms + 2'000);
  agent->Tick(start_ms_ + 5000, 1);
  EXPECT_EQ(agent->session->TakePause(), 0);
  Flush();
  EXPECT_EQ(agent->acknowledged().count(), static_cast<uint64_t>(ticks) + 1);
  EXPECT_EQ(RefusedOf("web1")[0].cause, "rate");
}

TEST_F(LimitsTest, AMessageThatUnpacksToTooMuchEndsTheStream) {
  const auto agent = NewAgent();
  agent->Join("web1", 1);
  const auto schema = MakeSchema("a", 10'000);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  Send(*agent, encoder, schema, start_ms_ + 1000);
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(v1::LANE_LIVE);
  const std::vector<double> values(10'000, 1);
  for (int i = 0; i < 200; ++i) {  // two million samples in a few kilobytes
    encoder.Encode(agent->next_seq++, start_ms_ + 2000 + i, values,
                   message.mutable_frames()->add_frame());
  }
  EXPECT_LT(message.ByteSizeLong(), 500'000u);
  agent->session->OnMessage(message);
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kResourceExhausted, "samples"));
  EXPECT_EQ(pipeline_->refusals().of(Refusal::kMessageSize), 1);
}

TEST_F(LimitsTest, ManyBadFramesAreOneAnswer) {
  const auto agent = NewAgent();
  agent->Join("web1", 1);
  v1::AgentMessage message;
  for (int i = 0; i < 10'000; ++i) {
    message.mutable_frames()->add_frame("x");
  }
  const size_t before = agent->messages().size();
  agent->session->OnMessage(message);
  EXPECT_EQ(agent->messages().size(), before + 1);
  EXPECT_EQ(RefusedOf("web1")[0].count, 10'000);
}

TEST_F(LimitsTest, BackfillWithoutCreditEndsTheStream) {
  commit_interval_ms_ = 600'000;  // after the first commit none, and so no credit
  Open();
  const auto agent = NewAgent();
  agent->Join("web1", 1);
  const auto schema = MakeSchema("a", 10'000);
  codec::SampleRunEncoder encoder(1, {"host", "node", ""});
  Send(*agent, encoder, schema, start_ms_ + 1000);
  encoder.StartRun(schema);
  const std::vector<double> values(10'000, 1);
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(v1::LANE_BACKFILL);
  for (int i = 0; i < 119; ++i) {
    encoder.Encode(agent->next_seq++, start_ms_ - 200'000 + i, values,
                   message.mutable_frames()->add_frame());
  }
  for (int i = 0; i < 40 && agent->closed().empty(); ++i) {
    agent->session->OnMessage(message);  // again and again
  }
  EXPECT_TRUE(agent->Closed(absl::StatusCode::kResourceExhausted, "beyond what was granted"));
}

// Credit that came after the Welcome.
uint64_t CreditOf(const FakeAgent& agent) {
  uint64_t samples = 0;
  for (const v1::CollectorMessage& message : agent.messages()) {
    samples += message.has_credit() ? message.credit().samples() : 0;
  }
  return samples;
}

TEST_F(LimitsTest, BackfillWaitsWhileMuchOfItIsNotSealed) {
  for (const bool waits : {false, true}) {
    pipeline_options_.max_late_bytes = waits ? 0 : 1;
    Open();
    const auto agent = NewAgent();
    agent->Join("web1", waits ? 2 : 1);
    const std::string frame = agent->Encode(start_ms_ - 3'600'000, 1);
    agent->Send(frame, v1::LANE_BACKFILL);
    agent->SendSchema();
    Flush();
    EXPECT_EQ(agent->acknowledged().count(), 1u);
    EXPECT_EQ(CreditOf(*agent), waits ? 0u : 3u);
  }
}

TEST_F(LimitsTest, TheFirstCreditIsLessInALargeFleet) {
  const auto first_credit = [&](const std::string& node) {
    const auto agent = NewAgent();
    agent->Join(node, 1);
    return agent->messages().front().welcome().credit().samples();
  };
  const uint64_t alone = first_credit("first");
  EXPECT_EQ(alone, 250'000u);
  for (int i = 0; i < 800; ++i) {
    store::NodeInfo info;
    info.name = "web" + std::to_string(i);
    info.agent_version = "test";
    ASSERT_OK(store_->PutNode(info));
  }
  Open();  // knows them
  const uint64_t of_many = first_credit("last");
  EXPECT_LT(of_many, alone);
  EXPECT_GT(of_many, 100'000'000u / 900);
}

TEST_F(LimitsTest, ASecondAgentOfOneNameIsSeenAtTheFirst) {
  const auto agent = NewAgent();
  agent->Join("web1", 1);
  agent->Tick(start_ms_ + 1000, 1);
  const auto clone = NewAgent();
  clone->Join("web1", 2);
  ASSERT_THAT(RefusedOf("web1"), SizeIs(1));
  EXPECT_EQ(RefusedOf("web1")[0].cause, "clone");
  EXPECT_THAT(RefusedOf("web1")[0].detail, HasSubstr("cloned node?"));
}

}  // namespace
}  // namespace ronda::ingest
