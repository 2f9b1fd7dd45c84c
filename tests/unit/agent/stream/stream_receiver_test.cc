#include "agent/stream/stream_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ronda/v1/ingest.pb.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

// A queue with three live frames under way, numbers 1 to 3.
class StreamReceiverTest : public testing::Test {
 protected:
  StreamReceiverTest() {
    queue_.Connected({{}}, true);
    for (int i = 1; i <= 3; ++i) {
      producer_.Tick(i * 1000, i);
    }
    MutexLock lock(&session_.mu);
    session_.state.collector = "mon1:7710";
  }

  static void SetRange(google::protobuf::RepeatedPtrField<v1::SeqRange>* ranges, uint64_t first,
                       uint64_t last) {
    v1::SeqRange* const range = ranges->Add();
    range->set_first(first);
    range->set_last(last);
  }

  FakeClock clock_;
  RunQueue queue_{RunQueue::Options()};
  Producer producer_{1, queue_};
  StreamSession session_;
  StreamReceiver receiver_{queue_, session_, clock_};
};

TEST_F(StreamReceiverTest, AnAcknowledgementFreesFramesAndSaysWhoHasThem) {
  v1::CollectorMessage message;
  SetRange(message.mutable_ack()->mutable_range(), 1, 2);
  message.mutable_ack()->set_now_ms(clock_.NowMs() + 250);
  receiver_.Handle(message);
  EXPECT_EQ(queue_.unacknowledged(), 1);
  MutexLock lock(&session_.mu);
  EXPECT_TRUE(session_.acknowledged);
  EXPECT_EQ(session_.acknowledged_by, "mon1:7710");
  EXPECT_EQ(session_.heard_mono_ms, clock_.MonotonicMs());
  EXPECT_EQ(session_.state.clock_offset_ms, 250);
}

TEST_F(StreamReceiverTest, ASchemaThatIsAskedForIsNoted) {
  v1::CollectorMessage message;
  message.mutable_schema_request()->set_hash("too short");
  receiver_.Handle(message);
  message.mutable_schema_request()->set_hash("0123456789abcdef");
  receiver_.Handle(message);
  MutexLock lock(&session_.mu);
  ASSERT_EQ(session_.wanted.size(), 1u);
  EXPECT_EQ(session_.wanted[0][0], '0');
  EXPECT_EQ(session_.wanted[0][15], 'f');
}

TEST_F(StreamReceiverTest, WhatIsRejectedIsGivenUpButNotForItsRate) {
  v1::CollectorMessage message;
  SetRange(message.mutable_reject()->mutable_range(), 2, 2);
  message.mutable_reject()->set_reason(v1::Reject::RATE);
  receiver_.Handle(message);
  EXPECT_EQ(queue_.counters().rejected_frames, 0);
  message.mutable_reject()->set_reason(v1::Reject::TOO_LARGE);
  receiver_.Handle(message);
  EXPECT_EQ(queue_.counters().rejected_frames, 1);
}

TEST_F(StreamReceiverTest, NewNumbersForgetWhoHadTheOldOnes) {
  {
    MutexLock lock(&session_.mu);
    session_.acknowledged_by = "mon1:7710";
  }
  const uint64_t before = queue_.epoch().id;
  v1::CollectorMessage message;
  message.mutable_new_epoch()->set_detail("two contents");
  receiver_.Handle(message);
  EXPECT_NE(queue_.epoch().id, before);
  MutexLock lock(&session_.mu);
  EXPECT_EQ(session_.acknowledged_by, "");
}

// Of a later version; what this agent cannot do it did not offer.
TEST_F(StreamReceiverTest, MessagesThatItDoesNotKnowChangeNothing) {
  v1::CollectorMessage message;
  message.mutable_remedy()->set_name("restart");
  receiver_.Handle(message);
  EXPECT_EQ(queue_.unacknowledged(), 3);
}

}  // namespace
}  // namespace ronda::agent
