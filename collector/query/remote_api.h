// The Api of a collector that runs, over gRPC.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "collector/query/api.h"

namespace ronda::query {

// Where the collector of this machine listens.
inline constexpr std::string_view kDefaultCollector = "unix:///run/ronda/collector.sock";

// `address`: "unix:///path", "HOST:PORT" or "[IPv6]:PORT"; without a port 7710. Connects with the
// first call, not here. Each call fails after `timeout_ms` at the latest, kUnavailable after
// `connect_timeout_ms` if nobody answers there.
struct RemoteOptions {
  std::string address{kDefaultCollector};
  int64_t connect_timeout_ms = 5'000;
  int64_t timeout_ms = 40'000;
};
// An address as gRPC wants it.
std::string GrpcTarget(const std::string& address);

std::unique_ptr<Api> NewRemoteApi(const RemoteOptions& options);

}  // namespace ronda::query
