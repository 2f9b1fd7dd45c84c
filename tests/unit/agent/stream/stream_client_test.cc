// The client against collectors that say what the test wants, over real connections.
#include "agent/stream/stream_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/codec/schema_codec.h"
#include "ronda/v1/ingest.grpc.pb.h"
#include "tests/support/process.h"
#include "tests/unit/agent/spool/producer.h"

namespace ronda::agent {
namespace {

// Welcomes, asks for the schema of the first frame, and acknowledges all frames with one range.
class SmallCollector final : public v1::Ingest::Service {
 public:
  SmallCollector() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~SmallCollector() override { Stop(); }

  void Stop() {
    server_->Shutdown(std::chrono::system_clock::now());
    const MutexLock lock(&mu_);  // ThreadSanitizer does not see that gRPC waited for the calls
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<v1::AgentMessage> heard() const {
    MutexLock lock(&mu_);
    return heard_;
  }
  // Of this kind.
  std::vector<v1::AgentMessage> heard(v1::AgentMessage::MessageCase kind) const {
    std::vector<v1::AgentMessage> of_kind;
    for (v1::AgentMessage& message : heard()) {
      if (message.message_case() == kind) {
        of_kind.push_back(std::move(message));
      }
    }
    return of_kind;
  }
  // Said in place of the next acknowledgement.
  void SayNext(v1::CollectorMessage message) {
    MutexLock lock(&mu_);
    say_ = std::move(message);
  }

 private:
  grpc::Status Stream(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<v1::CollectorMessage, v1::AgentMessage>* stream) override {
    v1::AgentMessage message;
    while (stream->Read(&message)) {
      v1::CollectorMessage answer;
      {
        MutexLock lock(&mu_);
        heard_.push_back(message);
        if (message.has_goodbye()) {
          return grpc::Status::OK;
        }
        if (message.has_hello()) {
          answer.mutable_welcome()->set_version(1);
        } else if (message.has_frames()) {
          answer = std::exchange(say_, {});
        }
      }
      if (message.has_frames() && answer.message_case() == v1::CollectorMessage::MESSAGE_NOT_SET) {
        v1::SeqRange* const range = answer.mutable_ack()->add_range();
        range->set_first(1);
        range->set_last(1'000'000);
      }
      if (answer.message_case() != v1::CollectorMessage::MESSAGE_NOT_SET) {
        stream->Write(answer);
      }
    }
    return grpc::Status::OK;
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  mutable Mutex mu_;
  std::vector<v1::AgentMessage> heard_ ABSL_GUARDED_BY(mu_);
  v1::CollectorMessage say_ ABSL_GUARDED_BY(mu_);
};

class StreamClientTest : public testing::Test {
 protected:
  void StartClient(std::vector<std::string> collectors) {
    StreamOptions options;
    options.collectors = std::move(collectors);
    options.node = "web1";
    options.backoff_initial_ms = 10;
    options.backoff_max_ms = 50;
    client_ = std::make_unique<StreamClient>(options, queue_, clock_);
    client_->Start();
  }
  bool WaitConnected() {
    return Eventually(10'000, [&] { return client_->state().connected; });
  }
  bool WaitAcknowledged() {
    return Eventually(10'000, [&] { return queue_.unacknowledged() == 0; });
  }

  SystemClock clock_;
  RunQueue queue_{RunQueue::Options()};
  Producer producer_{1, queue_};
  SmallCollector collector_;
  std::unique_ptr<StreamClient> client_;
};

TEST_F(StreamClientTest, SendsFramesAndSaysGoodbyeWithTheReason) {
  StartClient({collector_.address()});
  ASSERT_TRUE(WaitConnected());
  producer_.Tick(1000, 1);
  EXPECT_TRUE(WaitAcknowledged());
  producer_.Tick(2000, 2);
  client_->Stop("upgrade", 5'000);
  EXPECT_TRUE(client_->said_goodbye());
  EXPECT_EQ(queue_.unacknowledged(), 0);

  const std::vector<v1::AgentMessage> heard = collector_.heard();
  ASSERT_GE(heard.size(), 4u);
  EXPECT_EQ(heard.front().hello().node(), "web1");
  EXPECT_EQ(heard.front().hello().epoch(), queue_.epoch().id);
  const auto frames = collector_.heard(v1::AgentMessage::kFrames);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].frames().lane(), v1::LANE_LIVE);
  EXPECT_EQ(frames[1].frames().frame(0), producer_.last());
  EXPECT_EQ(heard.back().goodbye().reason(), "upgrade");
}

TEST_F(StreamClientTest, SendsASchemaThatIsAskedFor) {
  StartClient({collector_.address()});
  ASSERT_TRUE(WaitConnected());
  const SchemaHash hash = codec::HashSchema(*producer_.schema());
  v1::CollectorMessage ask;
  ask.mutable_schema_request()->set_hash(hash.data(), hash.size());
  collector_.SayNext(ask);
  producer_.Tick(1000, 1);
  ASSERT_TRUE(
      Eventually(10'000, [&] { return !collector_.heard(v1::AgentMessage::kSchema).empty(); }));
  const auto schema = collector_.heard(v1::AgentMessage::kSchema)[0].schema().content();
  EXPECT_EQ(schema, codec::EncodeSchema(*producer_.schema()));
}

TEST_F(StreamClientTest, ComesBackWithNewNumbersWhenTheyAreOrdered) {
  StartClient({collector_.address()});
  ASSERT_TRUE(WaitConnected());
  const uint64_t before = queue_.epoch().id;
  v1::CollectorMessage order;
  order.mutable_new_epoch()->set_detail("two contents");
  collector_.SayNext(order);
  producer_.Tick(1000, 1);
  ASSERT_TRUE(
      Eventually(10'000, [&] { return collector_.heard(v1::AgentMessage::kHello).size() == 2; }));
  const auto hellos = collector_.heard(v1::AgentMessage::kHello);
  EXPECT_EQ(hellos[0].hello().epoch(), before);
  EXPECT_EQ(hellos[1].hello().epoch(), queue_.epoch().id);
  EXPECT_NE(queue_.epoch().id, before);
}

TEST_F(StreamClientTest, MovesToTheNextCollectorAndSaysWhereItWas) {
  SmallCollector second;
  StartClient({collector_.address(), second.address()});
  ASSERT_TRUE(WaitConnected());
  producer_.Tick(1000, 1);
  ASSERT_TRUE(WaitAcknowledged());
  EXPECT_EQ(client_->state().collector, collector_.address());
  EXPECT_EQ(collector_.heard().front().hello().elsewhere(), "");

  collector_.Stop();
  ASSERT_TRUE(Eventually(10'000, [&] { return !second.heard().empty(); }));
  EXPECT_EQ(second.heard().front().hello().elsewhere(), collector_.address());
  producer_.Tick(2000, 2);
  EXPECT_TRUE(WaitAcknowledged());
  EXPECT_EQ(client_->state().collector, second.address());
  EXPECT_EQ(client_->state().connects, 2);
}

TEST_F(StreamClientTest, WithNobodyThereItStopsAtOnceAndSaysSo) {
  const std::string nobody = "127.0.0.1:" + std::to_string(FreePort());
  StartClient({nobody});
  ASSERT_TRUE(Eventually(10'000, [&] { return !client_->state().last_error.empty(); }));
  producer_.Tick(1000, 1);
  const int64_t from = clock_.MonotonicMs();
  client_->Stop("stopped", 3'000);
  EXPECT_LT(clock_.MonotonicMs() - from, 2'000);
  EXPECT_FALSE(client_->said_goodbye());
  EXPECT_EQ(queue_.unacknowledged(), 1);
}

}  // namespace
}  // namespace ronda::agent
