// The agent's one stream to its collector: connect, say hello, send, take acknowledgements, come
// back after a failure. Protocol: proto/ronda/v1/ingest.proto.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/spool/run_queue.h"
#include "common/base/clock.h"
#include "common/model/labels.h"

namespace grpc {
class ChannelCredentials;
}

namespace ronda::agent {

struct StreamOptions {
  std::vector<std::string> collectors;  // host:port, tried in order
  std::string node;
  Labels labels;
  std::string boot_id;
  std::string machine_id;
  std::string version;
  // Asked at each connection, so that a new certificate is taken up. Null: plain text.
  std::function<absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>()> credentials;
  int64_t backoff_initial_ms = 500;
  int64_t backoff_max_ms = 30'000;
  int64_t hello_timeout_ms = 10'000;
  // With more than one collector: given up for the next one if it acknowledges nothing for so long.
  int64_t failover_after_ms = 10'000;
  // Back to the first one when it can be reached for so long; a little more at random, and twice as
  // long each time that going back did not last.
  int64_t return_after_ms = 60'000;
};

struct StreamState {
  bool connected = false;
  std::string collector;   // that it is, or was last, connected to
  std::string last_error;  // why the last attempt or stream ended
  int64_t connects = 0;
  int64_t clock_offset_ms = 0;  // collector's clock minus ours
};

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
