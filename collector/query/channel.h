// The channel of a person's command line to a collector.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tls/files.h"

namespace grpc {
class Channel;
class Status;
}  // namespace grpc

namespace ronda::query {

// Where the collector of this machine listens.
inline constexpr std::string_view kDefaultCollector = "unix:///run/ronda/collector.sock";

// `address`: "unix:///path", "HOST:PORT" or "[IPv6]:PORT"; without a port 7710.
//
// To HOST:PORT it speaks TLS with the certificate of `tls`. Without one it speaks plain text, which
// is for this machine alone unless `insecure` says otherwise.
struct ChannelOptions {
  std::string address{kDefaultCollector};
  tls::Files tls;
  bool insecure = false;
};

// An address as gRPC wants it.
std::string GrpcTarget(const std::string& address);

// kInvalidArgument: plain text to another machine; else as tls::Load(). Connects with the first
// call.
absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const ChannelOptions& options);

// Waits until it is connected, at most `timeout_ms`; at once where nobody listens. kUnavailable
// says what is wrong: nobody there, or why the handshake failed.
absl::Status WaitConnected(grpc::Channel& channel, const ChannelOptions& options,
                           int64_t timeout_ms);

}  // namespace ronda::query
