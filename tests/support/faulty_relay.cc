#include "tests/support/faulty_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace ronda {
namespace {

constexpr size_t kSegment = 1400;
constexpr int64_t kRetransmitMs = 200;  // Linux's least (tcp(7), RTO)
constexpr size_t kMaxQueued = 256 << 10;
constexpr int64_t kPollMs = 5;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void CloseFd(int fd, bool reset) {
  if (reset) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  close(fd);
}

struct Segment {
  int64_t due_ms = 0;
  std::string bytes;
};

// What goes from one socket to another.
struct Direction {
  int from = -1;
  int to = -1;
  std::deque<Segment> queue;
  size_t queued = 0;
  bool ended = false;  // `from` said its last
  bool told = false;   // and `to` knows
};

struct Connection {
  Direction up;
  Direction down;
  bool over = false;
};

}  // namespace

// The relay's thread.
class FaultyRelay::Loop {
 public:
  explicit Loop(FaultyRelay& relay) : relay_(relay), random_(relay.seed_) {}

  void Run() {
    while (!relay_.stop_) {
      {
        MutexLock lock(&relay_.mu_);
        faults_ = relay_.faults_;
      }
      if (relay_.reset_.exchange(false)) {
        CloseAll();
      }
      Wait();
      for (Connection& connection : connections_) {
        const bool alive = Move(connection.up, faults_.cut_up) &&
                           Move(connection.down, faults_.cut_down) &&
                           !(connection.up.told && connection.down.told);
        if (!alive) {
          End(connection, !(connection.up.told && connection.down.told));
        }
      }
      std::erase_if(connections_, [](const Connection& connection) { return connection.over; });
      Accept();
    }
    CloseAll();
  }

 private:
  void Wait() {
    std::vector<pollfd> fds = {{relay_.listener_, POLLIN, 0}};
    for (const Connection& connection : connections_) {
      for (const Direction* way : {&connection.up, &connection.down}) {
        const bool cut = way == &connection.up ? faults_.cut_up : faults_.cut_down;
        if (!cut && !way->ended && way->queued < kMaxQueued) {
          fds.push_back({way->from, POLLIN, 0});
        }
      }
    }
    poll(fds.data(), fds.size(), kPollMs);
  }

  void Accept() {
    for (;;) {
      const int client = accept4(relay_.listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) {
        return;
      }
      ++relay_.connections_;
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = Loopback(relay_.to_port_);
      if (faults_.reset_new ||
          connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        CloseFd(client, true);
        CloseFd(server, true);
        ++relay_.resets_;
        continue;
      }
      for (const int fd : {client, server}) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      }
      Connection connection;
      connection.up.from = connection.down.to = client;
      connection.up.to = connection.down.from = server;
      connections_.push_back(std::move(connection));
    }
  }

  // False: the connection is broken.
  bool Move(Direction& way, bool cut) { return cut || (Take(way) && Give(way)); }

  bool Take(Direction& way) {
    while (!way.ended && way.queued < kMaxQueued) {
      char buffer[kSegment];
      const ssize_t n = recv(way.from, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      if (n == 0) {
        way.ended = true;
        break;
      }
      Enqueue(way, {buffer, static_cast<size_t>(n)});
    }
    return true;
  }

  void Enqueue(Direction& way, std::string bytes) {
    int64_t due_ms = NowMs() + faults_.delay_ms;
    if (faults_.jitter_ms > 0) {
      due_ms +=
          std::uniform_int_distribution<int64_t>(-faults_.jitter_ms, faults_.jitter_ms)(random_);
    }
    std::bernoulli_distribution lost(faults_.loss);
    for (int64_t wait_ms = kRetransmitMs + faults_.delay_ms; lost(random_); wait_ms *= 2) {
      due_ms += wait_ms;
      ++relay_.lost_;
    }
    // TCP hands on in order.
    due_ms = way.queue.empty() ? due_ms : std::max(due_ms, way.queue.back().due_ms);
    way.queued += bytes.size();
    way.queue.push_back({due_ms, std::move(bytes)});
  }

  bool Give(Direction& way) {
    const int64_t now = NowMs();
    while (!way.queue.empty() && way.queue.front().due_ms <= now) {
      std::string& bytes = way.queue.front().bytes;
      const ssize_t n = send(way.to, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      relay_.bytes_ += n;
      way.queued -= static_cast<size_t>(n);
      if (static_cast<size_t>(n) < bytes.size()) {
        bytes.erase(0, static_cast<size_t>(n));
        return true;
      }
      way.queue.pop_front();
    }
    if (way.ended && way.queue.empty() && !way.told) {
      shutdown(way.to, SHUT_WR);
      way.told = true;
    }
    return true;
  }

  void End(Connection& connection, bool reset) {
    connection.over = true;
    relay_.resets_ += reset ? 1 : 0;
    CloseFd(connection.up.from, reset);
    CloseFd(connection.up.to, reset);
  }

  void CloseAll() {
    for (Connection& connection : connections_) {
      End(connection, true);
    }
    connections_.clear();
  }

  FaultyRelay& relay_;
  std::mt19937_64 random_;
  NetworkFaults faults_;
  std::vector<Connection> connections_;
};

FaultyRelay::FaultyRelay(int to_port, uint64_t seed) : to_port_(to_port), seed_(seed) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  listen(listener_, 64);
  socklen_t size = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Loop(*this).Run(); });
}

FaultyRelay::~FaultyRelay() {
  stop_ = true;
  thread_.join();
  close(listener_);
}

void FaultyRelay::Set(const NetworkFaults& faults) {
  MutexLock lock(&mu_);
  faults_ = faults;
}

void FaultyRelay::ResetAll() { reset_ = true; }

}  // namespace ronda
