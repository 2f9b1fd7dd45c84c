#include "tests/bench/fleet_load.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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
    agents_.push_back(std::make_unique<FleetAgent>(set, i, options.trust != nullptr));
    connections_.push_back(
        {.wire = {},
         .backoff = rpc::Backoff(kFirstBackoffMs, kLastBackoffMs, static_cast<uint64_t>(i))});
  }
}

FleetLoad::~FleetLoad() { close(epoll_); }

int64_t FleetLoad::TimeOf(int agent, int64_t tick) const {
  return first_tick_ms_ + (tick - 1) * 1000 + int64_t{1000} * agent / options_.agents;
}

void FleetLoad::Open(int agent) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  const absl::Status opened =
      connection.wire.Open(options_.host, options_.port, options_.trust, agent);
  if (!opened.ok()) {
    tally_.Complain(fmt::format("cannot connect: {}", opened.ToString()));
    Close(agent, true);
    return;
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u32 = static_cast<uint32_t>(agent);
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.wire.fd(), &event);
  connection.asked_room = true;
  agents_[static_cast<size_t>(agent)]->Connect(authority_, WallMs());
}

void FleetLoad::Close(int agent, bool again) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  FleetAgent& state = *agents_[static_cast<size_t>(agent)];
  connection.wire.Close();
  welcome_ -= state.welcomed() ? 1 : 0;
  state.Disconnect();
  if (again) {
    attempts_.emplace(NowNs() + connection.backoff.NextMs() * 1'000'000, agent);
  }
}

void FleetLoad::AskForRoom(int agent) {
  Connection& connection = connections_[static_cast<size_t>(agent)];
  if (connection.wire.wants_room() == connection.asked_room) {
    return;
  }
  connection.asked_room = connection.wire.wants_room();
  epoll_event event{};
  event.events = connection.asked_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u32 = static_cast<uint32_t>(agent);
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.wire.fd(), &event);
}

void FleetLoad::Write(int agent) {
  FleetWire& wire = connections_[static_cast<size_t>(agent)].wire;
  H2Stream* const stream = agents_[static_cast<size_t>(agent)]->stream();
  while (!stream->pending().empty()) {
    const size_t taken = wire.Write(stream->pending());
    if (taken == 0) {
      break;
    }
    wire_bytes_ += static_cast<int64_t>(taken);
    stream->Wrote(taken);
  }
  AskForRoom(agent);
}

void FleetLoad::OnReadable(int agent) {
  static thread_local std::array<char, 64 << 10> buffer;
  Connection& connection = connections_[static_cast<size_t>(agent)];
  FleetAgent& state = *agents_[static_cast<size_t>(agent)];
  for (;;) {
    size_t size = 0;
    std::string why;
    const FleetWire::Got got = connection.wire.Read(buffer, &size, &why);
    if (got == FleetWire::Got::kNothing) {
      break;
    }
    const bool before = state.welcomed();
    if (got == FleetWire::Got::kBytes && !state.Receive({buffer.data(), size}, NowNs(), &tally_)) {
      why = state.stream()->end_reason();
    }
    if (!why.empty()) {
      ++tally_.ended;
      tally_.Complain(why);
      Close(agent, true);
      return;
    }
    wire_bytes_ += static_cast<int64_t>(size);
    if (!before && state.welcomed()) {
      ++welcome_;
      connection.backoff.Reset();
    }
    if (options_.trust == nullptr) {
      break;  // what is left shows again; with TLS it may be out of the socket already
    }
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
    if (options_.before_tick) {
      options_.before_tick(state, due);
    }
    state.Tick(TimeOf(agent, next_ / agents + 1), sent_ns, &tally_);
    if (state.stream() != nullptr && connections_[static_cast<size_t>(agent)].wire.open()) {
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
    if (connections_[static_cast<size_t>(agent)].wire.open() && (what & EPOLLOUT) != 0) {
      Write(agent);
    }
    if (connections_[static_cast<size_t>(agent)].wire.open() && (what & ~uint32_t{EPOLLOUT}) != 0) {
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
    if (connections_[static_cast<size_t>(i)].wire.open()) {
      agents_[static_cast<size_t>(i)]->Stop();
      Write(i);
      shutdown(connections_[static_cast<size_t>(i)].wire.fd(), SHUT_WR);
      Close(i, false);
    }
  }
}

}  // namespace ronda::bench
