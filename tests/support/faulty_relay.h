// A bad network between two programs on loopback: a TCP relay that delays, loses, cuts and resets.
//
// It works on connections, not on packets, since not every kernel has netem and a test may not be
// root. What a program sees of a lost packet is that this and all behind it come late, by TCP's
// retransmission time-out and twice that for each further loss; so that is what it does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "common/base/mutex.h"

namespace ronda {

struct NetworkFaults {
  int64_t delay_ms = 0;  // each way
  int64_t jitter_ms = 0;
  double loss = 0;         // share of segments
  bool cut_up = false;     // nothing goes to the server, and nobody is told
  bool cut_down = false;   // nothing comes back
  bool reset_new = false;  // connections are reset as soon as they are there
};

// Thread-safe. Its own port of 127.0.0.1 to `to_port`.
class FaultyRelay {
 public:
  explicit FaultyRelay(int to_port, uint64_t seed = 1);
  ~FaultyRelay();
  FaultyRelay(const FaultyRelay&) = delete;
  FaultyRelay& operator=(const FaultyRelay&) = delete;

  int port() const { return port_; }
  void Set(const NetworkFaults& faults);
  // Both ends of every connection get an RST.
  void ResetAll();

  // Since the start.
  int64_t connections() const { return connections_; }
  int64_t resets() const { return resets_; }
  int64_t lost_segments() const { return lost_; }
  int64_t bytes() const { return bytes_; }

 private:
  class Loop;
  friend class Loop;

  const int to_port_;
  const uint64_t seed_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> reset_ = false;
  std::atomic<int64_t> connections_ = 0;
  std::atomic<int64_t> resets_ = 0;
  std::atomic<int64_t> lost_ = 0;
  std::atomic<int64_t> bytes_ = 0;
  mutable Mutex mu_;
  NetworkFaults faults_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace ronda
