// A TLS handshake by hand, to see what a server takes.
#pragma once

#include <string>

namespace ronda {

// What "127.0.0.1:PORT" (or "[::1]:PORT") negotiates with a client that speaks nothing newer than
// `max_version` (TLS1_2_VERSION, TLS1_3_VERSION of OpenSSL): "TLSv1.3", or "" if it refuses.
std::string NegotiatedTls(const std::string& address, int max_version);

}  // namespace ronda
