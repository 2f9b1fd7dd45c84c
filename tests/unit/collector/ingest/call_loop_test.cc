#include "collector/ingest/call_loop.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ronda/v1/ingest.grpc.pb.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

class CallLoopTest : public IngestTest {
 protected:
  void StartServer() {
    loop_ = std::make_unique<CallLoop>(
        [this](const grpc::GenericServerContext& /*context*/, Session::Outlet outlet) {
          return std::make_shared<Session>(*pipeline_, *store_, clock_, SessionLimits(), "peer",
                                           std::move(outlet));
        });
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    loop_->Register(&builder);
    server_ = builder.BuildAndStart();
    loop_->Start();
    stub_ = v1::Ingest::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                    grpc::InsecureChannelCredentials()));
  }
  void StopServer(std::chrono::milliseconds grace) {
    loop_->EndCalls();
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    loop_->Stop();
  }

  std::unique_ptr<CallLoop> loop_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Ingest::Stub> stub_;
};

struct Client {
  explicit Client(v1::Ingest::Stub* stub) : stream(stub->Stream(&context)) {}
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> stream;
};

// An operation that begins on a queue that is shut down ends the program.
TEST_F(CallLoopTest, StopsInOrderWhileStreamsEnd) {
  for (int round = 0; round < 20; ++round) {
    StartServer();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 30; ++i) {
      clients.push_back(std::make_unique<Client>(stub_.get()));
      v1::AgentMessage hello;
      hello.mutable_hello()->mutable_versions()->set_min(1);
      hello.mutable_hello()->mutable_versions()->set_max(1);
      hello.mutable_hello()->set_node("web" + std::to_string(i));
      hello.mutable_hello()->set_epoch(static_cast<uint64_t>(1 + round * 100 + i));
      hello.mutable_hello()->set_epoch_started_ms(1);
      hello.mutable_hello()->set_boot_id("boot");
      ASSERT_TRUE(clients.back()->stream->Write(hello));
    }
    v1::CollectorMessage answer;
    for (const auto& client : clients) {
      ASSERT_TRUE(client->stream->Read(&answer));
      ASSERT_TRUE(answer.has_welcome());
    }
    std::thread leave([&] {
      for (const auto& client : clients) {
        client->context.TryCancel();
      }
    });
    StopServer(std::chrono::milliseconds(round % 3));
    leave.join();
    for (const auto& client : clients) {
      client->stream->Finish();
    }
    // Each session heard of its end: the node may come again at once.
    for (const query::LiveNode& node : pipeline_->LiveNodes()) {
      EXPECT_FALSE(node.connected) << node.name;
    }
  }
}

TEST_F(CallLoopTest, StopsBeforeItHasBegun) {
  for (int round = 0; round < 20; ++round) {
    StartServer();
    StopServer(std::chrono::milliseconds(0));
  }
}

}  // namespace
}  // namespace ronda::ingest
