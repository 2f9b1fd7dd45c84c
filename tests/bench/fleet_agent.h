// One agent of `ronda-bench fleet`: what it samples, what it says on the wire, and what it holds
// the collector's answers to.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/codec/range_set.h"
#include "common/codec/sample_run.h"
#include "tests/bench/h2_stream.h"
#include "tests/bench/node_stream.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

// What went wrong, and what it took; of many agents together.
struct FleetTally {
  int64_t frames = 0;
  int64_t samples = 0;
  int64_t acknowledged = 0;   // frames
  int64_t acks = 0;           // messages
  int64_t unasked = 0;        // acknowledged and never sent
  int64_t rejected = 0;       // frames refused
  int64_t ended = 0;          // streams that the collector ended
  std::string example;        // of what went wrong first
  std::vector<float> ack_ms;  // since ack_ms was asked for
  bool keep_ack_ms = false;

  void Complain(const std::string& what) {
    if (example.empty()) {
      example = what;
    }
  }
};

struct ReplacedValue {
  size_t series = 0;
  double value = 0;
};

// Not thread-safe. `set` must outlive it. Its tick k has the time first_tick_ms + k * 1000, so that
// what it sent can be made again from its number.
class FleetAgent {
 public:
  FleetAgent(const ScaleSet& set, int node, bool tls);

  // Opens a stream (again) and says hello.
  void Connect(const std::string& authority, int64_t now_ms);
  // The next tick, encoded and queued. While there is no stream it is not sent at all: these agents
  // have no spool.
  void Tick(int64_t t_ms, int64_t now_ns, FleetTally* tally);
  // From the next tick on that series has this value; nothing: its own again.
  void Replace(std::optional<ReplacedValue> value) { replaced_ = value; }
  // Says goodbye.
  void Stop();
  // Bytes of the connection; false: the stream is over.
  bool Receive(std::string_view bytes, int64_t now_ns, FleetTally* tally);

  H2Stream* stream() { return stream_.get(); }
  // The connection is gone. What was not acknowledged is not sent again.
  void Disconnect();
  bool welcomed() const { return welcomed_; }
  int node() const { return node_; }
  int64_t ticks() const { return ticks_; }
  const codec::RangeSet& acknowledged() const { return acknowledged_; }
  bool all_acknowledged() const { return sent_.empty(); }

 private:
  struct Sent {
    uint64_t seq = 0;
    int64_t at_ns = 0;
  };
  void SendFrame(const std::string& frame);
  void OnMessage(std::string_view bytes, int64_t now_ns, FleetTally* tally);
  void OnAck(uint64_t first, uint64_t last, int64_t now_ns, FleetTally* tally);

  const ScaleSet& set_;
  const int node_;
  const bool tls_;
  const uint64_t epoch_;
  NodeStream values_;
  std::optional<ReplacedValue> replaced_;
  std::vector<double> with_replaced_;
  codec::SampleRunEncoder encoder_;
  std::unique_ptr<H2Stream> stream_;
  bool welcomed_ = false;
  int64_t ticks_ = 0;
  std::deque<Sent> sent_;  // not acknowledged
  std::string frame_;
  codec::RangeSet acknowledged_;
};

// The 20 rules that the collector has while a fleet is measured: thresholds on host metrics, most
// of them on values that move, nearly none of them true.
std::string FleetRules();

}  // namespace ronda::bench
