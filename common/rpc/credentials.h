// TLS for gRPC channels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/tls/files.h"

namespace grpc {
class ChannelCredentials;
class ChannelArguments;
}  // namespace grpc

namespace ronda::rpc {

// gRPC 1.51 has no way to say which version of TLS to speak, and its servers take 1.2. This leaves
// 1.2 no cipher suite that could work, so that what is not 1.3 is refused, on both ends. Call it
// first in main(): gRPC reads it once, at its first TLS channel or server.
void RequireTls13();

// Credentials of a client: who is trusted, and its own certificate if it has one. The name of the
// server is checked against its certificate. The files are read now: a channel keeps what it began
// with.
std::shared_ptr<grpc::ChannelCredentials> NewChannelCredentials(const tls::Material& material);
// Errors as tls::Load().
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LoadChannelCredentials(
    const tls::Files& files, int64_t now_ms);

// Whether to go through the proxy that the environment names (grpc_proxy, https_proxy, http_proxy;
// no_proxy): never to this machine itself or over a Unix socket.
void SetProxy(const std::string& address, grpc::ChannelArguments* arguments);

}  // namespace ronda::rpc
