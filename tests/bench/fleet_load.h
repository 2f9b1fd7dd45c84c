// Ten thousand agents in one thread: connections, ticks spread over the second, acknowledgements.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/backoff.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/fleet_trust.h"
#include "tests/bench/fleet_wire.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

struct FleetOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  int agents = 0;
  int connects_per_second = 2000;     // at first
  const FleetTrust* trust = nullptr;  // null: plain text
  // Called before each tick with the moment (of the steady clock) that it is due at.
  std::function<void(FleetAgent& agent, int64_t due_ns)> before_tick = {};
};

// Not thread-safe: everything happens in the calls, on the caller's thread. `set` and
// `options.trust` must outlive it.
class FleetLoad {
 public:
  FleetLoad(const ScaleSet& set, const FleetOptions& options);
  ~FleetLoad();

  // Connects all. kDeadlineExceeded if some are not welcome after `seconds`.
  absl::Status ConnectAll(int64_t seconds);
  // Samples and sends, each agent once a second at its own moment, for so long; from now on also
  // what was due meanwhile.
  void Run(int64_t seconds);
  // Cuts every connection at once; each agent comes back after a back-off of its own, as the agent
  // has it, and sampling goes on. The seconds until all were welcome again, or `seconds`.
  double Storm(int64_t seconds);
  // Waits until all is acknowledged, at most so long, then says goodbye and closes.
  void Finish(int64_t seconds);

  FleetTally& tally() { return tally_; }
  int64_t wire_bytes() const { return wire_bytes_; }  // both ways, without those of TLS
  int connected() const { return welcome_; }
  // How late ticks were sent since the last call, in ms, each.
  std::vector<float> TakeLateness() { return std::exchange(late_ms_, {}); }

  const std::vector<std::unique_ptr<FleetAgent>>& agents() const { return agents_; }
  // The time of an agent's tick, from 1.
  int64_t TimeOf(int agent, int64_t tick) const;

 private:
  struct Connection {
    FleetWire wire;
    bool asked_room = false;  // what epoll was asked for
    rpc::Backoff backoff;
  };
  using Due = std::pair<int64_t, int>;  // when, which agent

  void Step(int64_t until_ns);
  void Open(int agent);
  // Asks epoll for room to write, or no longer.
  void AskForRoom(int agent);
  void Close(int agent, bool again);
  void OnReadable(int agent);
  void Write(int agent);
  void SendDue(int64_t now_ns);

  const ScaleSet& set_;
  const FleetOptions options_;
  const std::string authority_;
  std::vector<std::unique_ptr<FleetAgent>> agents_;
  std::vector<Connection> connections_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> attempts_;
  int epoll_ = -1;
  int welcome_ = 0;
  bool ticking_ = false;
  int64_t first_tick_ns_ = 0;  // monotonic, of agent 0
  int64_t first_tick_ms_ = 0;  // its time
  int64_t next_ = 0;           // the next tick of all: agent next_ % agents
  int64_t wire_bytes_ = 0;
  FleetTally tally_;
  std::vector<float> late_ms_;
};

}  // namespace ronda::bench
