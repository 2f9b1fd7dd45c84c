// The agent's one stream to its collector: connect, say hello, send, take acknowledgements, come
// back after a failure. Protocol: proto/ronda/v1/ingest.proto.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/spool/run_queue.h"
#include "agent/stream/stream_options.h"
#include "agent/stream/stream_session.h"
#include "common/base/clock.h"

namespace ronda::agent {

// Two threads: one sends, one receives; a third looks for a better collector while the stream is
// not with the first of the list. Sampling never waits for any. Thread-safe.
class StreamClient {
 public:
  // `queue` and `clock` must outlive the client.
  StreamClient(StreamOptions options, RunQueue& queue, const Clock& clock);
  ~StreamClient();

  void Start();
  // Sends what is there, waits at most `drain_ms` for the last acknowledgements, says goodbye with
  // `reason`, and ends. Idempotent.
  void Stop(const std::string& reason, int64_t drain_ms);

  StreamState state() const;
  // After Stop(): a collector heard the reason.
  bool said_goodbye() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ronda::agent
