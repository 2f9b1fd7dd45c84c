#include "agent/spool/run_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/codec/frame.h"
#include "common/codec/schema_codec.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

using std::chrono::milliseconds;

std::vector<uint64_t> SeqsOf(const Outgoing& out) {
  std::vector<uint64_t> seqs;
  for (const auto& frame : out.frames) {
    seqs.push_back(codec::ParseFrameHeader(*frame).value().seq);
  }
  return seqs;
}

// The news that nothing older is kept.
void TakeBackfilled(RunQueue& queue) {
  const auto out = queue.Next(milliseconds(0));
  ASSERT_TRUE(out.has_value() && out->backfilled);
}

bool StartsWithKey(const Outgoing& out) {
  return codec::IsKey(codec::ParseFrameHeader(*out.frames.front()).value().kind);
}

TEST(RunQueueTest, SendsNothingBeforeAStreamIsUp) {
  RunQueue queue({});
  Producer producer(1, queue);
  producer.Tick(1000, 1);
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value());
  EXPECT_EQ(queue.unacknowledged(), 1);
}

TEST(RunQueueTest, SendsOneMessageATickWithAllGroups) {
  RunQueue queue({.company = milliseconds(60'000)});
  queue.SetGroupCount(2);
  Producer a(1, queue);
  Producer b(2, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  a.Tick(1000, 1);
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value()) << "waits for the other group";
  b.Tick(1000, 2);
  const auto out = queue.Next(milliseconds(0));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->lane, Lane::kLive);
  EXPECT_EQ(SeqsOf(*out), (std::vector<uint64_t>{1, 2}));
}

TEST(RunQueueTest, DoesNotWaitLongForASlowGroup) {
  RunQueue queue({.company = milliseconds(1)});
  queue.SetGroupCount(2);
  Producer a(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  a.Tick(1000, 1);
  EXPECT_TRUE(queue.Next(milliseconds(5000)).has_value());
}

TEST(RunQueueTest, ResendsWholeRunsByteForByteInTheBackfillLane) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  std::vector<std::string> sent;
  for (int i = 1; i <= 3; ++i) {
    producer.Tick(i * 1000, i);
    const auto out = queue.Next(milliseconds(0));
    ASSERT_TRUE(out.has_value());
    sent.push_back(*out->frames.at(0));
  }
  queue.Acknowledge(0, {{1, 2}});
  queue.Disconnected();
  codec::RangeSet held;
  held.AddRange({1, 2});
  queue.Connected({{0, held}}, true);
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value()) << "no credit yet";
  queue.AddCredit(100);
  const auto again = queue.Next(milliseconds(0));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->lane, Lane::kBackfill);
  // Frames 1 and 2 are acknowledged, but 3 cannot be decoded without them.
  ASSERT_EQ(again->frames.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(*again->frames[i], sent[i]);
  }
}

TEST(RunQueueTest, LiveStartsANewRunAfterAReconnectAndGoesFirst) {
  RunQueue queue({});
  Producer producer(1, queue);
  producer.Tick(1000, 1);
  queue.Connected({}, true);
  queue.AddCredit(100);
  producer.Tick(2000, 2);
  const auto live = queue.Next(milliseconds(0));
  ASSERT_TRUE(live.has_value());
  EXPECT_EQ(live->lane, Lane::kLive);
  EXPECT_TRUE(StartsWithKey(*live));
  EXPECT_EQ(SeqsOf(*live), (std::vector<uint64_t>{2}));
  const auto old = queue.Next(milliseconds(0));
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(old->lane, Lane::kBackfill);
  EXPECT_EQ(SeqsOf(*old), (std::vector<uint64_t>{1}));
}

TEST(RunQueueTest, ForgetsWhatIsAcknowledged) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  for (int i = 1; i <= 130; ++i) {  // more than a run
    producer.Tick(i * 1000, i);
  }
  const size_t before = queue.bytes();
  queue.Acknowledge(0, {{1, 130}});
  EXPECT_EQ(queue.unacknowledged(), 0);
  EXPECT_LT(queue.bytes(), before) << "the first run is gone, the open one stays";
  EXPECT_EQ(queue.counters().acknowledged_frames, 130);
}

TEST(RunQueueTest, DropsTheOldestRunWhenFullAndSaysWhich) {
  RunQueue queue({.max_bytes = 4096});
  Producer producer(1, queue);
  for (int i = 1; i <= 1000; ++i) {
    producer.Tick(i * 1000, i * 1.5);
  }
  EXPECT_LE(queue.bytes(), 8192u);
  const std::vector<DroppedRun> dropped = queue.TakeDropped();
  ASSERT_FALSE(dropped.empty());
  EXPECT_EQ(dropped.front().from_ms, 1000) << "the oldest goes first";
  EXPECT_EQ(dropped.front().cause, "overflow");
  int64_t frames = 0;
  int64_t expected_from = 1000;
  for (const DroppedRun& run : dropped) {
    EXPECT_EQ(run.from_ms, expected_from) << "no frame between two dropped runs is lost silently";
    expected_from = run.to_ms + 1000;
    frames += run.frames;
  }
  EXPECT_EQ(frames, queue.counters().overflow_frames);
  EXPECT_EQ(frames + queue.unacknowledged(), 1000);
  EXPECT_TRUE(queue.TakeDropped().empty());
}

TEST(RunQueueTest, AStreamThatTakesNothingCostsBoundedMemory) {
  RunQueue queue({.max_bytes = 4096, .max_live_frames = 10});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  for (int i = 1; i <= 2000; ++i) {
    producer.Tick(i * 1000, i * 1.5);
  }
  EXPECT_LE(queue.bytes(), 8192u);
  const auto live = queue.Next(milliseconds(0));
  ASSERT_TRUE(live.has_value());
  EXPECT_LE(live->frames.size(), 11u);
  EXPECT_TRUE(StartsWithKey(*live));
}

TEST(RunQueueTest, RejectedFramesAreReportedAndTheGroupStartsANewRun) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  producer.Tick(1000, 1);
  producer.Tick(2000, 2);
  queue.Reject(0, {{1, 2}}, "too many series");
  const auto dropped = queue.TakeDropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].cause, "rejected");
  EXPECT_EQ(dropped[0].detail, "too many series");
  EXPECT_EQ(dropped[0].frames, 2);
  (void)queue.Next(milliseconds(0));
  producer.Tick(3000, 3);
  const auto next = queue.Next(milliseconds(0));
  ASSERT_TRUE(next.has_value());
  EXPECT_TRUE(StartsWithKey(*next));
}

TEST(RunQueueTest, AcknowledgementsComeInAnyOrder) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  for (int i = 1; i <= 10; ++i) {
    producer.Tick(i * 1000, i);
  }
  // A live frame became durable before those that came as backfill: one message says both.
  queue.Acknowledge(0, {{9, 10}, {1, 3}, {7, 7}, {2, 6}});
  EXPECT_EQ(queue.unacknowledged(), 1);
  queue.Reject(0, {{10, 10}, {8, 8}}, "no");
  EXPECT_EQ(queue.unacknowledged(), 0);
}

TEST(RunQueueTest, WhatIsRefusedCostsNoCredit) {
  RunQueue queue({.max_backfill_message_bytes = 1});  // a frame a message
  Producer producer(1, queue);
  for (int i = 1; i <= 20; ++i) {
    producer.Tick(i * 1000, i);
  }
  queue.Connected({}, true);
  queue.AddCredit(2);
  // A collector that refuses every frame grants nothing for any.
  for (uint64_t seq = 1; seq <= 20; ++seq) {
    const auto out = queue.Next(milliseconds(0));
    ASSERT_TRUE(out.has_value()) << seq;
    EXPECT_EQ(SeqsOf(*out), (std::vector<uint64_t>{seq}));
    queue.Reject(0, {{seq, seq}}, "no");
    queue.Reject(0, {{seq, seq}}, "no");  // said twice
  }
  EXPECT_EQ(queue.counters().rejected_frames, 20);
}

TEST(RunQueueTest, AcknowledgedFramesGiveNoCreditBack) {
  RunQueue queue({.max_backfill_message_bytes = 1});
  Producer producer(1, queue);
  for (int i = 1; i <= 5; ++i) {
    producer.Tick(i * 1000, i);
  }
  queue.Connected({}, true);
  queue.AddCredit(2);
  ASSERT_TRUE(queue.Next(milliseconds(0)).has_value());
  queue.Acknowledge(0, {{1, 1}});
  queue.Reject(0, {{1, 1}}, "no");
  // And what was paid for on the stream before is not owed by this one.
  queue.Disconnected();
  queue.Connected({}, true);
  queue.Reject(0, {{2, 2}}, "no");
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value());
}

TEST(RunQueueTest, WhatWaitedLongGoesOutInSeveralMessages) {
  RunQueue queue({.company = milliseconds(0),
                  .max_live_message_bytes = 200,
                  .max_live_message_samples = 1'000'000});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  for (int i = 1; i <= 100; ++i) {
    producer.Tick(i * 1000, i);
  }
  uint64_t next = 1;
  int messages = 0;
  while (const auto out = queue.Next(milliseconds(0))) {
    size_t bytes = 0;
    for (const auto& frame : out->frames) {
      bytes += frame->size();
    }
    EXPECT_LT(bytes, 400u);
    for (const uint64_t seq : SeqsOf(*out)) {
      EXPECT_EQ(seq, next++);
    }
    ++messages;
  }
  EXPECT_EQ(next, 101u);
  EXPECT_GT(messages, 5);
}

TEST(RunQueueTest, RenumberGivesUpTheOldNumbers) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  producer.Tick(1000, 1);
  queue.Renumber("conflict");
  EXPECT_EQ(queue.unacknowledged(), 0);
  EXPECT_EQ(producer.Tick(2000, 2), 1u);
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value()) << "only on a stream of the new epoch";
}

TEST(RunQueueTest, FindsTheSchemaOfAKeptRun) {
  RunQueue queue({});
  Producer producer(1, queue);
  producer.Tick(1000, 1);
  EXPECT_EQ(queue.FindSchema(codec::HashSchema(*producer.schema())), producer.schema());
  EXPECT_EQ(queue.FindSchema(SchemaHash{}), nullptr);
}

TEST(RunQueueTest, HoldStopsSendingNotSampling) {
  RunQueue queue({});
  Producer producer(1, queue);
  queue.Connected({}, true);
  TakeBackfilled(queue);
  queue.SetHold(true);
  producer.Tick(1000, 1);
  EXPECT_FALSE(queue.Next(milliseconds(0)).has_value());
  queue.SetHold(false);
  EXPECT_TRUE(queue.Next(milliseconds(0)).has_value());
}

}  // namespace
}  // namespace ronda::agent
