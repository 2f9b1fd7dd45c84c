// Whether a certificate may be believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ronda::tls {

enum class Purpose { kClient, kServer };

// `chain_pem`: the certificate, then those between it and the authority, if any. `authority_pem`:
// one or more that are trusted. That the other side has the key is TLS' to prove, not seen here.
// kUnauthenticated says what is wrong, in words for the log of who holds the certificate: expired,
// not valid yet (with the times), of another authority, self-signed, tampered with, not for this
// purpose. kInvalidArgument: what is given is no certificate.
absl::Status Verify(std::string_view chain_pem, std::string_view authority_pem, Purpose purpose,
                    int64_t now_ms);

// kUnauthenticated unless the (first) certificate is of that host: a DNS name or an IP address,
// without brackets. The message lists the names that it has.
absl::Status VerifyHost(std::string_view certificate_pem, const std::string& host);

}  // namespace ronda::tls
