// The Api of a collector that runs, over gRPC.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "collector/query/api.h"
#include "collector/query/channel.h"

namespace ronda::query {

// Connects with the first call, not before. Each call fails after `timeout_ms` at the latest,
// kUnavailable after `connect_timeout_ms` if nobody answers there.
struct RemoteOptions {
  std::string address{kDefaultCollector};
  tls::Files tls = {};  // as ChannelOptions
  bool insecure = false;
  int64_t connect_timeout_ms = 5'000;
  int64_t timeout_ms = 40'000;
};

std::unique_ptr<Api> NewRemoteApi(const RemoteOptions& options);

}  // namespace ronda::query
