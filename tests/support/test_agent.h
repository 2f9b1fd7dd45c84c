// An agent made of nothing but the wire protocol. It remembers what it sent and what was
// acknowledged, so that a test can hold a collector to its word.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/codec/range_set.h"
#include "common/codec/sample_run.h"
#include "common/model/schema.h"
#include "tests/support/wire_stream.h"

namespace ronda {

struct SentTick {
  uint64_t seq = 0;
  int64_t t_ms = 0;
  std::vector<double> values;
};

// Use from one thread, but for acknowledged() and Cancel(). One group, `series` gauges and counters
// (METRICS_gauge, METRICS_total) besides `up`.
class TestAgent {
 public:
  TestAgent(std::string node, uint64_t epoch, int series, int64_t first_t_ms,
            const std::string& metrics = "test");

  // Connects and says hello; sends again, as backfill, every run that holds an unacknowledged
  // frame. Returns "" or why it was refused.
  std::string Connect(const std::string& address);
  // Sends the next tick, a second after the one before; false if the stream is gone (the tick is
  // kept for the next Connect).
  bool Tick();
  // Raw bytes as a frame of the live lane.
  bool SendRaw(const std::string& frame);
  // Ends the stream without goodbye.
  void Disconnect() { stream_.Disconnect(); }
  // Makes what waits in another thread return.
  void Cancel() { stream_.Cancel(); }
  // Waits until everything sent is acknowledged.
  bool WaitAcknowledged(int64_t timeout_ms);

  codec::RangeSet acknowledged() const { return stream_.acknowledged(); }
  const std::vector<SentTick>& sent() const { return sent_; }
  const std::string& node() const { return node_; }
  // "REASON: detail" of each rejection, and "new epoch: ...".
  std::vector<std::string> refusals() const { return stream_.refusals(); }
  // How the last stream ended.
  std::string end_reason() const { return stream_.end_reason(); }
  // The last frame as it was encoded.
  const std::string& last_frame() const { return last_frame_; }

 private:
  struct Run {
    std::vector<uint64_t> seqs;
    std::vector<std::string> frames;
  };

  const std::string node_;
  const uint64_t epoch_;
  const std::shared_ptr<const Schema> schema_;
  codec::SampleRunEncoder encoder_;
  int64_t next_t_ms_;
  uint64_t next_seq_ = 1;
  std::vector<double> values_;
  std::vector<SentTick> sent_;
  std::vector<Run> runs_;
  bool start_run_ = true;
  std::string last_frame_;
  WireStream stream_;
};

}  // namespace ronda
