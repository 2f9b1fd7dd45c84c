// What a StreamClient is told (stream_client.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
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

}  // namespace ronda::agent
