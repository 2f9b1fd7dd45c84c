#include "agent/samplers/host/tcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kStates = {"node_tcp_connection_states", MetricType::kGauge, "", "state",
                                      "TCP sockets by state, and bytes in their queues."};
constexpr MetricDescriptor kConnections = {"ronda_tcp_connections", MetricType::kGauge, "",
                                           "port,state",
                                           "TCP connections by local listening port and state."};
constexpr MetricDescriptor kQueue = {"ronda_tcp_listen_queue", MetricType::kGauge, "", "port",
                                     "Connections that wait to be accepted."};
constexpr MetricDescriptor kQueueLimit = {"ronda_tcp_listen_queue_limit", MetricType::kGauge, "",
                                          "port", "Connections that may wait to be accepted."};
constexpr MetricDescriptor kMetrics[] = {kStates, kConnections, kQueue, kQueueLimit};

constexpr std::string_view kStateNames[kTcpStates] = {
    "",          "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2",
    "time_wait", "close",       "close_wait", "last_ack", "listen",    "closing"};

constexpr uint32_t Bit(uint32_t state) { return 1U << state; }
constexpr uint32_t kBulkStates = Bit(kTcpEstablished) | Bit(kTcpTimeWait);
constexpr uint32_t kAllStates = (1U << kTcpStates) - 2;
constexpr uint32_t kRestStates = kAllStates & ~(kBulkStates | Bit(kTcpListen));

constexpr uint8_t kOther = TcpSampler::kMaxPorts;
constexpr uint8_t kNoSlot = 0xff;
constexpr int64_t kIntervalMs = 5000;

// True if a's queue is fuller, in proportion, than what is in `queue` and `limit`.
bool Fuller(const TcpSocket& a, uint32_t queue, uint32_t limit) {
  return uint64_t{a.receive_queue} * limit > uint64_t{queue} * a.send_queue;
}

}  // namespace

TcpSampler::TcpSampler(std::unique_ptr<TcpSource> source)
    : source_(std::move(source)), slot_(65536, kNoSlot) {}

std::span<const MetricDescriptor> TcpSampler::metrics() const { return kMetrics; }

absl::Status TcpSampler::Sample(int64_t t_ms, SeriesTable& table) {
  // Listening ports are listed apart, and first: they say to which port a connection belongs.
  RONDA_RETURN_IF_ERROR(ListListeners());
  RONDA_RETURN_IF_ERROR(ListConnections(t_ms));
  SetTotals(table);
  for (size_t slot = 0; slot < ports_.size(); ++slot) {
    SetPort(slot, table);
  }
  return absl::OkStatus();
}

absl::Status TcpSampler::ListListeners() {
  listeners_.clear();
  RONDA_RETURN_IF_ERROR(source_->Dump(
      Bit(kTcpListen), [this](const TcpSocket& socket) { listeners_.push_back(socket); }));
  NamePorts();
  for (Port& port : ports_) {
    port.listens = false;
    port.queue = port.queue_limit = 0;
  }
  for (const TcpSocket& socket : listeners_) {
    AddListener(socket);
  }
  return absl::OkStatus();
}

// Gives the lowest ports a place of their own.
void TcpSampler::NamePorts() {
  std::vector<uint16_t>& now = scratch_;
  now.clear();
  for (const TcpSocket& socket : listeners_) {
    now.push_back(socket.local_port);
  }
  std::sort(now.begin(), now.end());
  now.erase(std::unique(now.begin(), now.end()), now.end());
  if (now == listening_) {
    return;
  }
  const std::array<Port, kMaxPorts + 1> old = ports_;
  std::array<uint8_t, kMaxPorts + 1> old_slot{};
  const size_t named = std::min(now.size(), kMaxPorts);
  for (size_t i = 0; i < named; ++i) {
    old_slot[i] = slot_[now[i]];
  }
  std::fill(slot_.begin(), slot_.end(), kNoSlot);
  for (size_t i = 0; i < now.size(); ++i) {
    slot_[now[i]] = static_cast<uint8_t>(std::min<size_t>(i, kOther));
  }
  for (size_t i = 0; i < named; ++i) {
    ports_[i] = old_slot[i] < kOther ? old[old_slot[i]] : Port();
  }
  std::swap(listening_, scratch_);
  next_bulk_ms_ = INT64_MIN;  // the bulk of new ports has not been counted
}

void TcpSampler::AddListener(const TcpSocket& socket) {
  Port& port = ports_[slot_[socket.local_port]];
  if (!port.listens || Fuller(socket, port.queue, port.queue_limit)) {
    port.queue = socket.receive_queue;
    port.queue_limit = socket.send_queue;
  }
  port.listens = true;
}

void TcpSampler::Count(const TcpSocket& socket) {
  if (socket.state >= kTcpStates) {
    return;
  }
  const bool bulk = (kBulkStates & Bit(socket.state)) != 0;
  const auto add = [&](Port& port) {
    ++port.sockets[socket.state];
    port.seen_states |= Bit(socket.state);
  };
  add(totals_);
  if (const uint8_t slot = slot_[socket.local_port]; slot != kNoSlot) {
    add(ports_[slot]);
  }
  (bulk ? bulk_receive_bytes_ : receive_bytes_) += socket.receive_queue;
  (bulk ? bulk_send_bytes_ : send_bytes_) += socket.send_queue;
}

void TcpSampler::Forget(uint32_t states, Port& port) {
  for (uint32_t state = 0; state < kTcpStates; ++state) {
    if ((states & Bit(state)) != 0) {
      port.sockets[state] = 0;
    }
  }
}

absl::Status TcpSampler::ListConnections(int64_t t_ms) {
  const bool bulk = t_ms >= next_bulk_ms_ || t_ms < last_bulk_ms_;
  const uint32_t states = kRestStates | (bulk ? kBulkStates : 0);
  Forget(states | Bit(kTcpListen), totals_);
  for (Port& port : ports_) {
    Forget(states, port);
  }
  receive_bytes_ = send_bytes_ = 0;
  if (bulk) {
    bulk_receive_bytes_ = bulk_send_bytes_ = 0;
    next_bulk_ms_ = INT64_MIN;  // should this fail half-way
  }
  RONDA_RETURN_IF_ERROR(source_->Dump(states, [this](const TcpSocket& socket) { Count(socket); }));
  for (const TcpSocket& socket : listeners_) {
    ++totals_.sockets[kTcpListen];
    receive_bytes_ += socket.receive_queue;
    send_bytes_ += socket.send_queue;
  }
  totals_.seen_states |= listeners_.empty() ? 0 : Bit(kTcpListen);
  if (bulk) {
    const uint64_t sockets = totals_.sockets[kTcpEstablished] + totals_.sockets[kTcpTimeWait];
    const auto turns = static_cast<int64_t>((sockets + kCheapSockets - 1) / kCheapSockets);
    last_bulk_ms_ = t_ms;
    next_bulk_ms_ = t_ms + std::clamp(turns * kIntervalMs, kIntervalMs, kMaxWaitMs);
  }
  return absl::OkStatus();
}

void TcpSampler::SetTotals(SeriesTable& table) {
  for (size_t state = 1; state < kTcpStates; ++state) {
    if ((totals_.seen_states & Bit(static_cast<uint32_t>(state))) != 0) {
      table.Set(table.Declare(kStates, {kStateNames[state]}),
                static_cast<double>(totals_.sockets[state]));
    }
  }
  table.Set(table.Declare(kStates, {"rx_queued_bytes"}),
            static_cast<double>(receive_bytes_ + bulk_receive_bytes_));
  table.Set(table.Declare(kStates, {"tx_queued_bytes"}),
            static_cast<double>(send_bytes_ + bulk_send_bytes_));
}

void TcpSampler::SetPort(size_t slot, SeriesTable& table) {
  Port& port = ports_[slot];
  if (!port.listens) {
    return;
  }
  fmt::memory_buffer text;
  if (slot == kOther) {
    text.append(std::string_view("other"));
  } else {
    fmt::format_to(std::back_inserter(text), "{}", listening_[slot]);
  }
  const std::string_view label(text.data(), text.size());
  if (port.generation != table.generation()) {
    port.connections.fill(kNoSeries);
    port.queue_series = table.Declare(kQueue, {label});
    port.limit_series = table.Declare(kQueueLimit, {label});
    port.generation = table.generation();
  }
  port.seen_states |= Bit(kTcpEstablished);
  for (size_t state = 1; state < kTcpStates; ++state) {
    if ((port.seen_states & Bit(static_cast<uint32_t>(state))) == 0) {
      continue;
    }
    if (port.connections[state] == kNoSeries) {
      port.connections[state] = table.Declare(kConnections, {label, kStateNames[state]});
    }
    table.Set(port.connections[state], static_cast<double>(port.sockets[state]));
  }
  table.Set(port.queue_series, port.queue);
  table.Set(port.limit_series, port.queue_limit);
}

}  // namespace ronda::agent
