#include "agent/samplers/host/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/samplers/host/sample_table.h"

namespace ronda::agent {
namespace {

using Values = std::map<std::string, double>;

// Sockets that the test makes up.
class FakeSockets : public TcpSource {
 public:
  absl::Status Dump(uint32_t states, absl::FunctionRef<void(const TcpSocket&)> each) override {
    if (!error.ok()) {
      return error;
    }
    established_dumps += (states >> kTcpEstablished) & 1;
    for (const TcpSocket& socket : sockets) {
      if ((states >> socket.state & 1) != 0) {
        each(socket);
      }
    }
    return absl::OkStatus();
  }

  std::vector<TcpSocket> sockets;
  absl::Status error;
  uint32_t established_dumps = 0;
};

class TcpSamplerTest : public testing::Test {
 protected:
  Values Sample() {
    table_.BeginSampler(1);
    EXPECT_OK(sampler_.Sample(t_ms_, table_));
    EXPECT_EQ(CheckDeclared(table_, sampler_.metrics()), "");
    t_ms_ += 5000;
    return ValuesOf(table_);
  }
  void Add(int n, TcpSocket socket) {
    source_->sockets.insert(source_->sockets.end(), static_cast<size_t>(n), socket);
  }

  FakeSockets* source_ = new FakeSockets;  // owned by sampler_
  TcpSampler sampler_{std::unique_ptr<TcpSource>(source_)};
  SeriesTable table_;
  int64_t t_ms_ = 1'795'132'800'000;
};

TEST_F(TcpSamplerTest, CountsByStateAndListeningPort) {
  Add(1, {kTcpListen, 5432, 3, 200});
  Add(1, {kTcpListen, 80, 0, 511});
  Add(4, {kTcpEstablished, 5432, 10, 1});
  Add(2, {kTcpCloseWait, 5432, 0, 0});
  Add(3, {kTcpTimeWait, 80, 0, 0});
  Add(5, {kTcpEstablished, 40000, 0, 7});  // opened by this host
  EXPECT_EQ(Sample(), (Values{{R"(node_tcp_connection_states{state="established"})", 9},
                              {R"(node_tcp_connection_states{state="close_wait"})", 2},
                              {R"(node_tcp_connection_states{state="time_wait"})", 3},
                              {R"(node_tcp_connection_states{state="listen"})", 2},
                              {R"(node_tcp_connection_states{state="rx_queued_bytes"})", 43},
                              {R"(node_tcp_connection_states{state="tx_queued_bytes"})", 750},
                              {R"(ronda_tcp_connections{port="5432",state="established"})", 4},
                              {R"(ronda_tcp_connections{port="5432",state="close_wait"})", 2},
                              {R"(ronda_tcp_connections{port="80",state="established"})", 0},
                              {R"(ronda_tcp_connections{port="80",state="time_wait"})", 3},
                              {R"(ronda_tcp_listen_queue{port="5432"})", 3},
                              {R"(ronda_tcp_listen_queue_limit{port="5432"})", 200},
                              {R"(ronda_tcp_listen_queue{port="80"})", 0},
                              {R"(ronda_tcp_listen_queue_limit{port="80"})", 511}}));
  // A state that was there goes to 0; it does not end.
  source_->sockets.resize(2);
  EXPECT_EQ(Sample()[R"(ronda_tcp_connections{port="5432",state="close_wait"})"], 0);
}

TEST_F(TcpSamplerTest, OfSeveralSocketsOfAPortTheFullestCounts) {
  Add(1, {kTcpListen, 80, 5, 100});
  Add(1, {kTcpListen, 80, 4, 10});
  Add(1, {kTcpListen, 80, 20, 1000});
  const Values values = Sample();
  EXPECT_EQ(values.at(R"(ronda_tcp_listen_queue{port="80"})"), 4);
  EXPECT_EQ(values.at(R"(ronda_tcp_listen_queue_limit{port="80"})"), 10);
}

TEST_F(TcpSamplerTest, NoMoreThan64PortsHaveSeriesTheRestIsOther) {
  for (uint16_t port = 100; port < 100 + 80; ++port) {
    Add(1, {kTcpListen, port, 0, 5});
    Add(1, {kTcpEstablished, port, 0, 0});
  }
  Values values = Sample();
  EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="163",state="established"})"), 1);
  EXPECT_FALSE(values.contains(R"(ronda_tcp_connections{port="164",state="established"})"));
  EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="other",state="established"})"), 16);
  EXPECT_EQ(ValuesOf(table_, "ronda_tcp_listen_queue").size(), 65U);
}

TEST_F(TcpSamplerTest, PortsKeepTheirCountsWhenOthersStartAndStopToListen) {
  Add(1, {kTcpListen, 80, 0, 5});
  Add(2, {kTcpCloseWait, 80, 0, 0});
  Sample();
  source_->sockets = {{kTcpListen, 22, 0, 5}, {kTcpListen, 80, 0, 5}, {kTcpEstablished, 22, 0, 0}};
  Values values = Sample();
  EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="80",state="close_wait"})"), 0);
  EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="22",state="established"})"), 1);
  source_->sockets = {{kTcpListen, 80, 0, 5}, {kTcpEstablished, 22, 0, 0}};
  values = Sample();
  EXPECT_FALSE(values.contains(R"(ronda_tcp_connections{port="22",state="established"})"));
  EXPECT_TRUE(values.contains(R"(ronda_tcp_connections{port="80",state="close_wait"})"));
}

TEST_F(TcpSamplerTest, ManyEstablishedSocketsAreListedLessOften) {
  Add(1, {kTcpListen, 80, 0, 5});
  Add(2000, {kTcpEstablished, 80, 0, 0});
  Sample();
  Sample();
  EXPECT_EQ(source_->established_dumps, 2U);
  Add(5000, {kTcpEstablished, 80, 0, 0});
  Sample();
  EXPECT_EQ(source_->established_dumps, 3U);
  Add(1, {kTcpCloseWait, 80, 0, 0});
  for (int i = 0; i < 3; ++i) {  // 7000 sockets: each 20 s
    const Values values = Sample();
    EXPECT_EQ(source_->established_dumps, 3U);
    EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="80",state="established"})"), 7000);
    EXPECT_EQ(values.at(R"(ronda_tcp_connections{port="80",state="close_wait"})"), 1);
  }
  Sample();
  EXPECT_EQ(source_->established_dumps, 4U);
  t_ms_ -= 3'600'000;  // the clock steps back
  Sample();
  EXPECT_EQ(source_->established_dumps, 5U);
}

TEST_F(TcpSamplerTest, AnErrorOfTheKernelIsTheSamplersError) {
  source_->error = absl::PermissionDeniedError("asking sock_diag for TCP sockets: no");
  EXPECT_THAT(sampler_.Sample(0, table_),
              StatusIs(absl::StatusCode::kPermissionDenied, "sock_diag"));
}

// A socket of the real kernel.
class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM, 0)) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

TEST(SockDiag, FindsRealListenersAndConnectionsOfBothFamilies) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Socket server(family);
    const Socket client(family);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    auto* const address =
        family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
    if (server.fd() < 0 || bind(server.fd(), address, size) != 0) {
      ASSERT_EQ(family, AF_INET6) << "IPv4 must work";
      continue;  // this machine has no IPv6
    }
    ASSERT_EQ(listen(server.fd(), 17), 0);
    ASSERT_EQ(getsockname(server.fd(), address, &size), 0);
    ASSERT_EQ(connect(client.fd(), address, size), 0);
    // The last step of the handshake may reach the listener after connect() is back.
    pollfd accepted{server.fd(), POLLIN, 0};
    ASSERT_EQ(poll(&accepted, 1, 10'000), 1);
    const uint16_t port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);

    SockDiag diag;
    int listeners = 0;
    int connections = 0;
    const auto each = [&](const TcpSocket& socket) {
      if (socket.local_port != port) {
        return;
      }
      if (socket.state == kTcpListen) {
        ++listeners;
        EXPECT_EQ(socket.receive_queue, 1U);  // not accepted yet
        EXPECT_EQ(socket.send_queue, 17U);
      } else {
        EXPECT_EQ(socket.state, kTcpEstablished);
        ++connections;
      }
    };
    ASSERT_OK(diag.Dump(1U << kTcpListen, each));
    EXPECT_EQ(listeners, 1);
    EXPECT_EQ(connections, 0);
    ASSERT_OK(diag.Dump(1U << kTcpEstablished, each));
    EXPECT_EQ(listeners, 1);
    EXPECT_EQ(connections, 1);

    SeriesTable table;
    TcpSampler sampler(std::make_unique<SockDiag>());
    ASSERT_OK(sampler.Sample(0, table));
    const Values values = ValuesOf(table);
    const std::string label = "{port=\"" + std::to_string(port) + "\"}";
    EXPECT_EQ(values.at("ronda_tcp_listen_queue" + label), 1);
    EXPECT_EQ(values.at("ronda_tcp_listen_queue_limit" + label), 17);
    EXPECT_EQ(values.at("ronda_tcp_connections{port=\"" + std::to_string(port) +
                        "\",state=\"established\"}"),
              1);
  }
}

}  // namespace
}  // namespace ronda::agent
