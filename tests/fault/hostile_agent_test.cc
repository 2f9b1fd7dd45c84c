// A real collector and clients that mean it ill: each is refused, and says why where it speaks the
// protocol; the collector stays small, and what others send is acknowledged all the while.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/files.h"
#include "common/base/mutex.h"
#include "ronda/v1/ingest.grpc.pb.h"
#include "tests/support/http_fetch.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_agent.h"

namespace ronda {
namespace {

using testing::HasSubstr;
using testing::Not;

// A TCP connection without a protocol.
class Socket {
 public:
  explicit Socket(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  Socket(Socket&& other) noexcept : fd_(other.fd_), connected_(other.connected_) { other.fd_ = -1; }
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  bool connected() const { return connected_; }
  // The other end may have closed already, and may.
  void Send(const std::string& bytes) const {
    (void)send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

 private:
  int fd_;
  bool connected_ = false;
};

constexpr char kConfig[] = R"(
insecure: true
socket: ""
commit_interval: 10ms
http: {listen: "127.0.0.1:0"}
limits: {max_message: 1MiB, max_series: 1000, max_new_series: 60, max_labels: 4,
         max_label_value: 100B, max_samples: 20000}
)";

// An agent that behaves and goes on all the while: how long each of its ticks takes to be durable.
class GoodAgent {
 public:
  explicit GoodAgent(const std::string& address)
      : agent_("good", RandomBits(), 5, SystemClock().NowMs() / 1000 * 1000 - 3'600'000) {
    connected_ = Eventually(20'000, [&] { return agent_.Connect(address).empty(); });
    thread_ = std::thread([this] { Run(); });
  }
  ~GoodAgent() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  bool connected() const { return connected_; }
  int64_t ticks() const { return ticks_; }
  int64_t failures() const { return failures_; }
  const TestAgent& agent() const { return agent_; }

  // In microseconds, of the ticks since the last call.
  int64_t TakeP99() {
    MutexLock lock(&mu_);
    std::sort(took_us_.begin(), took_us_.end());
    const int64_t p99 = took_us_.empty() ? 0 : took_us_[(took_us_.size() - 1) * 99 / 100];
    took_us_.clear();
    return p99;
  }

 private:
  void Run() {
    while (!stop_) {
      const auto from = std::chrono::steady_clock::now();
      failures_ += agent_.Tick() && agent_.WaitAcknowledged(10'000) ? 0 : 1;
      const auto took = std::chrono::steady_clock::now() - from;
      {
        MutexLock lock(&mu_);
        took_us_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
      }
      ++ticks_;
      std::this_thread::sleep_until(from + std::chrono::milliseconds(20));
    }
  }

  TestAgent agent_;
  bool connected_ = false;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> ticks_ = 0;
  std::atomic<int64_t> failures_ = 0;
  Mutex mu_;
  std::vector<int64_t> took_us_ ABSL_GUARDED_BY(mu_);
};

class HostileAgentTest : public ::testing::Test {
 protected:
  // One collector for all of them: what one attack leaves behind the next one finds.
  struct Shared {
    TempDir dir;
    int port = 0;
    std::string address;
    Process collector;
    std::unique_ptr<GoodAgent> good;
    int64_t calm_p99_us = 0;
    int64_t calm_rss_mib = 0;
  };

  static void SetUpTestSuite() {
    shared_ = new Shared;
    shared_->port = FreePort();
    shared_->address = "127.0.0.1:" + std::to_string(shared_->port);
    ASSERT_OK(WriteFileAtomically(shared_->dir.File("collector.yml"), kConfig));
    ASSERT_TRUE(shared_->collector.Start(
        {ProgramPath("ronda-collector"), "--config", shared_->dir.File("collector.yml"), "--data",
         shared_->dir.File("data"), "--listen", shared_->address, "--print-http-address",
         shared_->dir.File("http"), "--log-level", "warn"},
        shared_->dir.File("log")));
    shared_->good = std::make_unique<GoodAgent>(shared_->address);
    ASSERT_TRUE(shared_->good->connected());
    ASSERT_TRUE(Eventually(10'000, [] { return shared_->good->ticks() > 20; }));
    shared_->good->TakeP99();
    ASSERT_TRUE(Eventually(20'000, [] { return shared_->good->ticks() > 80; }));
    shared_->calm_p99_us = shared_->good->TakeP99();
    shared_->calm_rss_mib = RssMiB();
  }

  static void TearDownTestSuite() {
    shared_->good->Stop();
    if (shared_->collector.running()) {
      shared_->collector.Signal(SIGTERM);
      EXPECT_EQ(shared_->collector.Wait(10'000), 0);
    }
    delete shared_;
    shared_ = nullptr;
  }

  void SetUp() override {
    ASSERT_TRUE(shared_->collector.running());
    shared_->good->TakeP99();
    ticks_before_ = shared_->good->ticks();
  }

  void TearDown() override {
    // Also after the attack: twenty more ticks.
    const int64_t until = std::max(ticks_before_ + 25, shared_->good->ticks() + 10);
    EXPECT_TRUE(Eventually(20'000, [&] { return shared_->good->ticks() >= until; }));
    ASSERT_TRUE(shared_->collector.running())
        << ReadFile(shared_->dir.File("log")).value_or("no log");
    const int64_t p99_us = shared_->good->TakeP99();
    std::printf("  beside it: %ld ticks, p99 %.1f ms, %.2f times that in calm; RSS %+ld MiB\n",
                shared_->good->ticks() - ticks_before_, static_cast<double>(p99_us) / 1000,
                static_cast<double>(p99_us) / static_cast<double>(shared_->calm_p99_us),
                RssMiB() - shared_->calm_rss_mib);
    EXPECT_EQ(shared_->good->failures(), 0) << shared_->good->agent().end_reason();
    EXPECT_THAT(shared_->good->agent().refusals(), testing::IsEmpty());
    EXPECT_LT(RssMiB(), shared_->calm_rss_mib + 150);
  }

  static int64_t RssMiB() {
    std::ifstream status("/proc/" + std::to_string(shared_->collector.pid()) + "/status");
    std::string word;
    int64_t kib = 0;
    while (status >> word) {
      if (word == "VmRSS:") {
        status >> kib;
      }
    }
    return kib / 1024;
  }

  // How much of one cause the collector has counted.
  static int64_t Refused(const std::string& cause) {
    const std::string address =
        std::string(absl::StripAsciiWhitespace(ReadFile(shared_->dir.File("http")).value_or("")));
    const HttpAnswer answer = HttpConnection(address).Ask("GET", "/metrics");
    const std::string line = "ronda_ingest_refused_total{cause=\"" + cause + "\"} ";
    const size_t at = answer.body.find(line);
    return at == std::string::npos ? -1 : std::atol(answer.body.c_str() + at + line.size());
  }

  std::unique_ptr<TestAgent> NewAgent(const std::string& node, int series = 5,
                                      const std::string& metrics = "test") const {
    return std::make_unique<TestAgent>(node, RandomBits(), series,
                                       SystemClock().NowMs() / 1000 * 1000 - 600'000, metrics);
  }
  // A refusal, or why the stream ended; waits for it.
  static std::string Answer(const TestAgent& agent) {
    EXPECT_TRUE(Eventually(
        15'000, [&] { return !agent.refusals().empty() || !agent.end_reason().empty(); }));
    return agent.refusals().empty() ? agent.end_reason() : agent.refusals()[0];
  }

  // Says `messages` on a stream of its own; how it ended.
  grpc::Status Say(const std::vector<v1::AgentMessage>& messages, bool compress = false) const {
    grpc::ChannelArguments args;
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::Ingest::NewStub(
        grpc::CreateCustomChannel(shared_->address, grpc::InsecureChannelCredentials(), args));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (compress) {
      context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    }
    const auto call = stub->Stream(&context);
    for (const v1::AgentMessage& message : messages) {
      if (!call->Write(message)) {
        break;
      }
    }
    v1::CollectorMessage answer;
    while (call->Read(&answer)) {
    }
    return call->Finish();
  }

  static v1::AgentMessage Hello(const std::string& node) {
    v1::AgentMessage message;
    v1::Hello* const hello = message.mutable_hello();
    hello->mutable_versions()->set_min(1);
    hello->mutable_versions()->set_max(1);
    hello->set_node(node);
    hello->set_epoch(RandomBits());
    hello->set_epoch_started_ms(1);
    hello->set_boot_id("boot");
    return message;
  }
  static v1::AgentMessage Frame(const std::string& bytes) {
    v1::AgentMessage message;
    message.mutable_frames()->set_lane(v1::LANE_LIVE);
    message.mutable_frames()->add_frame(bytes);
    return message;
  }

  static Shared* shared_;
  int64_t ticks_before_ = 0;
};

HostileAgentTest::Shared* HostileAgentTest::shared_ = nullptr;

TEST_F(HostileAgentTest, BytesThatAreNoHttp2) {
  std::mt19937_64 random(1);
  std::vector<Socket> sockets;
  for (int i = 0; i < 50; ++i) {
    sockets.emplace_back(shared_->port);
    ASSERT_TRUE(sockets.back().connected());
    std::string bytes = i % 2 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "";
    for (int n = 0; n < 20'000; ++n) {
      bytes.push_back(static_cast<char>(random()));
    }
    sockets.back().Send(bytes);
  }
}

TEST_F(HostileAgentTest, HalfOpenAndSlowConnections) {
  std::vector<Socket> sockets;
  for (int i = 0; i < 200; ++i) {
    sockets.emplace_back(shared_->port);
    ASSERT_TRUE(sockets.back().connected());
  }
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const char byte : preface) {
    for (const Socket& socket : sockets) {
      socket.Send(std::string(1, byte));
    }
  }
}

TEST_F(HostileAgentTest, StreamsThatSayNothing) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = v1::Ingest::NewStub(
      grpc::CreateCustomChannel(shared_->address, grpc::InsecureChannelCredentials(), args));
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>>>
      calls;
  for (int i = 0; i < 60; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    calls.push_back(stub->Stream(contexts.back().get()));
  }
  for (size_t i = 0; i < calls.size(); ++i) {
    contexts[i]->TryCancel();
    EXPECT_FALSE(calls[i]->Finish().ok());
  }
}

TEST_F(HostileAgentTest, AMessageThatIsTooLarge) {
  const int64_t before = Refused("message_size");
  ASSERT_GE(before, 0);
  const grpc::Status status = Say({Hello("large"), Frame(std::string(size_t{8} << 20, 'x'))});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("limits.max_message"));
  EXPECT_GT(Refused("message_size"), before);
}

TEST_F(HostileAgentTest, ACompressedBomb) {
  // 256 MiB of zeros are 256 KiB on the wire; they are never unpacked.
  const grpc::Status bomb = Say({Hello("bomb"), Frame(std::string(size_t{256} << 20, '\0'))}, true);
  EXPECT_FALSE(bomb.ok());
  EXPECT_NE(bomb.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << bomb.error_message();
  EXPECT_LT(RssMiB(), shared_->calm_rss_mib + 50);
}

TEST_F(HostileAgentTest, FramesWithoutAHello) {
  const grpc::Status status = Say({Frame("x")});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("Hello"));
}

TEST_F(HostileAgentTest, FramesOfGarbage) {
  const auto agent = NewAgent("garbage");
  ASSERT_EQ(agent->Connect(shared_->address), "");
  ASSERT_TRUE(agent->Tick());
  ASSERT_TRUE(agent->WaitAcknowledged(10'000));
  std::mt19937_64 random(2);
  for (int i = 0; i < 100; ++i) {
    std::string frame = i % 2 == 0 ? agent->last_frame() : std::string(random() % 300, '\0');
    for (char& byte : frame) {
      byte = random() % 3 == 0 ? static_cast<char>(random()) : byte;
    }
    if (!agent->SendRaw(frame)) {
      break;
    }
  }
  EXPECT_TRUE(Eventually(10'000, [&] {
    return !agent->refusals().empty() || !agent->end_reason().empty();
  })) << "refused, or told why the stream ends";
}

TEST_F(HostileAgentTest, FramesThatAreSentAgain) {
  const auto agent = NewAgent("again");
  ASSERT_EQ(agent->Connect(shared_->address), "");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(agent->Tick());
    ASSERT_TRUE(agent->SendRaw(agent->last_frame()));
  }
  EXPECT_TRUE(agent->WaitAcknowledged(10'000));
  EXPECT_EQ(agent->acknowledged().count(), 20u);
}

TEST_F(HostileAgentTest, TheNameOfANodeThatIsThere) {
  const auto clone = NewAgent("good");
  const std::string refused = clone->Connect(shared_->address);
  EXPECT_THAT(refused, HasSubstr("good"));
  EXPECT_THAT(refused, Not(HasSubstr("nobody")));
}

TEST_F(HostileAgentTest, MoreSeriesThanAllowed) {
  const auto agent = NewAgent("wide", 2'000);
  ASSERT_EQ(agent->Connect(shared_->address), "");
  agent->Tick();
  EXPECT_THAT(Answer(*agent), HasSubstr("limits.max_series"));
  EXPECT_EQ(agent->acknowledged().count(), 0u);
  EXPECT_GT(Refused("series"), 0);
}

// Each stream other series, all of one node.
TEST_F(HostileAgentTest, ASeriesExplosion) {
  std::string refused;
  for (int i = 0; i < 10 && refused.empty(); ++i) {
    const auto agent = NewAgent("explosion", 900 - i, "explosion" + std::to_string(i));
    ASSERT_EQ(agent->Connect(shared_->address), "");
    ASSERT_TRUE(agent->Tick());
    agent->WaitAcknowledged(2'000);
    refused = agent->refusals().empty() ? "" : agent->refusals()[0];
  }
  EXPECT_THAT(refused, HasSubstr("limits.max_new_series"));
}

TEST_F(HostileAgentTest, AFlood) {
  const auto agent = NewAgent("flood", 900);
  ASSERT_EQ(agent->Connect(shared_->address), "");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  // Writes wait once the collector reads no more: that is all that a flood achieves.
  std::thread flood([&] {
    while (std::chrono::steady_clock::now() < until && agent->Tick()) {
    }
  });
  EXPECT_THAT(Answer(*agent), HasSubstr("limits.max_samples"));
  EXPECT_GT(Refused("rate"), 0);
  std::this_thread::sleep_until(until);
  agent->Cancel();
  flood.join();
}

TEST_F(HostileAgentTest, AClockThatIsFarAhead) {
  const auto agent = std::make_unique<TestAgent>("ahead", RandomBits(), 5,
                                                 SystemClock().NowMs() / 1000 * 1000 + 11 * 60'000);
  ASSERT_EQ(agent->Connect(shared_->address), "");
  agent->Tick();
  EXPECT_THAT(Answer(*agent), HasSubstr("ahead of the collector's"));
  EXPECT_GT(Refused("clock"), 0);
}

TEST_F(HostileAgentTest, NamesThatNoNodeMayHave) {
  for (const std::string& name :
       {std::string(), std::string(5000, 'n'), std::string("a\nb"), std::string("\xff\xfe")}) {
    const grpc::Status status = Say({Hello(name)});
    EXPECT_FALSE(status.ok()) << name.size();
    EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << name.size();
  }
}

}  // namespace
}  // namespace ronda
