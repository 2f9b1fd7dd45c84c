// What a person carries from the collector to a new node. It names the authority, so that the node
// knows its collector at the first contact without trusting the network, and holds a secret that is
// good for one certificate.
//
//   ronda1.<SHA-256 of the authority's certificate, hex>.<256 random bits, hex>
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::tls {

struct EnrollToken {
  std::string ca_fingerprint;
  std::string secret;
};

// A new secret for that authority.
absl::StatusOr<EnrollToken> NewEnrollToken(const std::string& ca_fingerprint);
std::string FormatEnrollToken(const EnrollToken& token);
// White space around it is fine. kInvalidArgument, without the token in the message.
absl::StatusOr<EnrollToken> ParseEnrollToken(std::string_view text);
// As which a secret is stored: its SHA-256, hex. It has 256 random bits, so that no salt is needed.
std::string HashSecret(std::string_view secret);

}  // namespace ronda::tls
