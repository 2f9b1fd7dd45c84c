// TCP connections by state and by local listening port, and accept queues.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/samplers/host/sock_diag.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

// Sockets are counted by the kernel's sock_diag. At most 64 listening ports (the lowest) have
// series of their own, the others share port="other"; connections that this host opened count in
// node_tcp_connection_states only. A state that a port had once keeps its series, with 0.
//
// Established and timed-wait sockets can be a hundred thousand: above kCheapSockets of them they
// are counted less often, so that on average no more than that are listed each 5 s; in between,
// their counts keep.
class TcpSampler : public Sampler {
 public:
  static constexpr size_t kMaxPorts = 64;
  static constexpr uint64_t kCheapSockets = 2000;
  static constexpr int64_t kMaxWaitMs = 60'000;

  explicit TcpSampler(std::unique_ptr<TcpSource> source);

  std::string_view name() const override { return "tcp"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Port {
    std::array<uint64_t, kTcpStates> sockets{};  // by state, of the last listing of that state
    uint32_t seen_states = 0;                    // bits
    bool listens = false;
    uint32_t queue = 0;  // of the listening socket that is the fullest
    uint32_t queue_limit = 0;
    uint64_t generation = 0;
    std::array<SeriesRef, kTcpStates> connections{};
    SeriesRef queue_series = kNoSeries;
    SeriesRef limit_series = kNoSeries;
  };

  absl::Status ListListeners();
  // Lists the rare states, and in the same pass the bulk when it is due.
  absl::Status ListConnections(int64_t t_ms);
  static void Forget(uint32_t states, Port& port);
  void AddListener(const TcpSocket& socket);
  void NamePorts();
  void Count(const TcpSocket& socket);
  void SetTotals(SeriesTable& table);
  void SetPort(size_t slot, SeriesTable& table);

  const std::unique_ptr<TcpSource> source_;
  Port totals_;
  uint64_t receive_bytes_ = 0, bulk_receive_bytes_ = 0;
  uint64_t send_bytes_ = 0, bulk_send_bytes_ = 0;
  int64_t next_bulk_ms_ = INT64_MIN;
  int64_t last_bulk_ms_ = INT64_MIN;

  std::vector<TcpSocket> listeners_;
  std::vector<uint16_t> listening_;        // ports, sorted, once each
  std::vector<uint16_t> scratch_;          // reused
  std::vector<uint8_t> slot_;              // in ports_, by port number; kNoSlot: does not listen
  std::array<Port, kMaxPorts + 1> ports_;  // of listening_[0..]; the last is "other"
};

}  // namespace ronda::agent
