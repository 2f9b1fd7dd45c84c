// A channel to a collector that is known by nothing but a token.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc {
class Channel;
}

namespace ronda::agent {

// Connects to HOST:PORT over TLS (through the proxy that the environment names) and believes it
// only if it presents the authority with that fingerprint, and a certificate of that authority for
// HOST. kUnavailable: nobody answers. kUnauthenticated: another collector than the token's, or a
// certificate that is not of that host; the message says which.
absl::StatusOr<std::shared_ptr<grpc::Channel>> FirstContact(const std::string& address,
                                                            const std::string& ca_fingerprint);

}  // namespace ronda::agent
