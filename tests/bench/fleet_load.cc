#include "tests/bench/fleet_load.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "common/base/status.h"

namespace ronda::bench {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kFirstBackoffMs = 1000;  // as the agent's (agent/stream/stream_client.h)
constexpr int64_t kLastBackoffMs = 60'000;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t WallMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

FleetLoad::FleetLoad(const ScaleSet& set, const FleetOptions& options)
    : set_(set),
      options_(options),
      authority_(fmt::format("{}:{}", options.host, options.port)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (int i = 0; i < options.agents; ++i) {
    agents_.push_back(std::make_unique<FleetAgent>(set, i, false));
    connections_.push_back(
        {.backoff = rpc::Backoff(kFirstBackoffMs, kLastBackoffMs, static_cast<uint64_t>(i))});
  }
}

FleetLoad::~FleetLoad() {
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) {
      close(connection.fd);
    }
  }
  close(epoll_);
}

int64_t FleetLoad::TimeOf(int agent, int64_t tick) const {
  return first_tick_ms_ + (tick - 1) * 1000 + int64_t{1000} * agent / options_.agents;
}

void FleetLoad::Open(int agent) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(options_.port));
  inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr);
  if (connection.fd < 0 ||
      (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
       errno != EINPROGRESS)) {
    tally_.Complain(fmt::format("cannot connect: {}", ErrnoStatus(errno, "connect").ToString()));
    Close(agent, true);
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u32 = static_cast<uint32_t>(agent);
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  connection.wants_write = true;
  agents_[static_cast<size_t>(agent)]->Connect(authority_, WallMs());
}

void FleetLoad::Close(int agent, bool again) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  FleetAgent& state = *agents_[static_cast<size_t>(agent)];
  if (connection.fd >= 0) {
    close(connection.fd);
    connection.fd = -1;
  }
  welcome_ -= state.welcomed() ? 1 : 0;
  state.Disconnect();
  if (again) {
    attempts_.emplace(NowNs() + connection.backoff.NextMs() * 1'000'000, agent);
  }
}

void FleetLoad::Write(int agent) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  H2Stream* const stream = agents_[static_cast<size_t>(agent)]->stream();
  bool blocked = false;
  while (!stream->pending().empty() && !blocked) {
    const std::string_view bytes = stream->pending();
    const ssize_t n = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      wire_bytes_ += n;
      stream->Wrote(static_cast<size_t>(n));
    } else {
      blocked = true;  // an error shows when it is read
    }
  }
  if (blocked != connection.wants_write) {
    connection.wants_write = blocked;
    epoll_event event{};
    event.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u32 = static_cast<uint32_t>(agent);
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }
}

void FleetLoad::OnReadable(int agent) {
  static thread_local std::array<char, 64 << 10> buffer;
  Connection& connection = connections_[static_cast<size_t>(agent)];
  FleetAgent& state = *agents_[static_cast<size_t>(agent)];
  const ssize_t n = recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (n <= 0) {
    ++tally_.ended;
    tally_.Complain(n == 0 ? "the collector closed a connection"
                           : ErrnoStatus(errno, "reading").ToString());
    Close(agent, true);
    return;
  }
  wire_bytes_ += n;
  const bool before = state.welcomed();
  if (!state.Receive({buffer.data(), static_cast<size_t>(n)}, NowNs(), &tally_)) {
    ++tally_.ended;
    tally_.Complain(state.stream()->end_reason());
    Close(agent, true);
    return;
  }
  if (!before && state.welcomed()) {
    ++welcome_;
    connection.backoff.Reset();
  }
  Write(agent);
}

void FleetLoad::SendDue(int64_t now_ns) {
  const auto agents = static_cast<int64_t>(agents_.size());
  for (;; ++next_) {
    const int64_t due = first_tick_ns_ + next_ * kSecondNs / agents;
    if (due > now_ns) {
      return;
    }
    const auto agent = static_cast<int>(next_ % agents);
    FleetAgent& state = *agents_[static_cast<size_t>(agent)];
    const int64_t sent_ns = NowNs();
    late_ms_.push_back(static_cast<float>(sent_ns - due) / 1e6F);
    state.Tick(TimeOf(agent, next_ / agents + 1), sent_ns, &tally_);
    if (state.stream() != nullptr && connections_[static_cast<size_t>(agent)].fd >= 0) {
      Write(agent);
    }
  }
}

void FleetLoad::Step(int64_t until_ns) {
  static thread_local std::array<epoll_event, 256> events;
  int64_t now = NowNs();
  while (!attempts_.empty() && attempts_.top().first <= now) {
    const int agent = attempts_.top().second;
    attempts_.pop();
    Open(agent);
    now = NowNs();
  }
  if (ticking_) {
    SendDue(now);
  }
  // Ticks of a millisecond go together.
  const int wait_ms = until_ns <= NowNs() ? 0 : 1;
  const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
  for (int i = 0; i < n; ++i) {
    const auto agent = static_cast<int>(events[static_cast<size_t>(i)].data.u32);
    const uint32_t what = events[static_cast<size_t>(i)].events;
    if (connections_[static_cast<size_t>(agent)].fd >= 0 && (what & EPOLLOUT) != 0) {
      Write(agent);
    }
    if (connections_[static_cast<size_t>(agent)].fd >= 0 && (what & ~uint32_t{EPOLLOUT}) != 0) {
      OnReadable(agent);
    }
  }
}

absl::Status FleetLoad::ConnectAll(int64_t seconds) {
  const int64_t start = NowNs();
  for (int i = 0; i < options_.agents; ++i) {
    attempts_.emplace(start + i * kSecondNs / options_.connects_per_second, i);
  }
  const int64_t until = start + seconds * kSecondNs;
  while (welcome_ < options_.agents && NowNs() < until) {
    Step(until);
  }
  return welcome_ == options_.agents
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kDeadlineExceeded, "{} of {} agents are connected: {}",
                    welcome_, options_.agents, tally_.example);
}

void FleetLoad::Run(int64_t seconds) {
  if (!ticking_) {
    ticking_ = true;
    first_tick_ns_ = NowNs() + 200'000'000;
    first_tick_ms_ = WallMs() + 200;
  }
  const int64_t until = NowNs() + seconds * kSecondNs;
  while (NowNs() < until) {
    Step(until);
  }
}

double FleetLoad::Storm(int64_t seconds) {
  const int64_t start = NowNs();
  for (int i = 0; i < options_.agents; ++i) {
    Close(i, true);
  }
  const int64_t until = start + seconds * kSecondNs;
  while (welcome_ < options_.agents && NowNs() < until) {
    Step(until);
  }
  return static_cast<double>(NowNs() - start) / 1e9;
}

void FleetLoad::Finish(int64_t seconds) {
  ticking_ = false;
  const int64_t until = NowNs() + seconds * kSecondNs;
  const auto waiting = [&] {
    return std::any_of(agents_.begin(), agents_.end(), [](const auto& agent) {
      return agent->welcomed() && !agent->all_acknowledged();
    });
  };
  while (NowNs() < until && waiting()) {
    Step(until);
  }
  for (int i = 0; i < options_.agents; ++i) {
    if (connections_[static_cast<size_t>(i)].fd >= 0) {
      agents_[static_cast<size_t>(i)]->Stop();
      Write(i);
      shutdown(connections_[static_cast<size_t>(i)].fd, SHUT_WR);
      Close(i, false);
    }
  }
}

}  // namespace ronda::bench
