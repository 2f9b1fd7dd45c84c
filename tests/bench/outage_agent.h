// One agent of `ronda-bench outage`: the agent's own queue, spool and stream, with samples of a set
// and any times for them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/spool/run_queue.h"
#include "agent/spool/spool.h"
#include "agent/stream/stream_client.h"
#include "common/base/clock.h"
#include "common/codec/sample_run.h"
#include "tests/bench/node_stream.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {

// Sample() from one thread. `set` and `clock` must outlive it.
class OutageAgent {
 public:
  OutageAgent(const ScaleSet& set, int node, const std::string& collector,
              const std::string& spool_path, const Clock& clock);

  void Start();
  // The next tick of the set, with this time.
  void Sample(int64_t t_ms);
  // Says goodbye and ends, all that waits included.
  void Stop();

  int node() const { return node_; }
  const std::vector<int64_t>& times() const { return times_; }
  bool connected() const { return stream_.state().connected; }
  // Frames that are not acknowledged.
  int64_t waiting() const { return queue_.unacknowledged(); }
  // Frames that were given up, for whatever cause.
  int64_t given_up() const;

 private:
  const ScaleSet& set_;
  const int node_;
  agent::RunQueue queue_;
  agent::Spool spool_;
  agent::StreamClient stream_;
  NodeStream values_;
  codec::SampleRunEncoder encoder_;
  std::vector<int64_t> times_;
};

}  // namespace ronda::bench
