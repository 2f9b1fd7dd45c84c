// The certificates of a fleet: a key and a certificate of its own for each agent, signed by the
// collector's own authority.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tls/openssl.h"

namespace ronda::bench {

using Ssl = tls::Owned<SSL, SSL_free>;

// Immutable once made.
class FleetTrust {
 public:
  // Makes the authority in the data folder, as a collector would at its first start, and the
  // certificates of that many agents.
  static absl::StatusOr<std::unique_ptr<FleetTrust>> Make(const std::string& data_dir, int agents);

  // The client's end of a connection to the collector at that address, by TLS 1.3 with the agent's
  // certificate; the collector's is checked.
  absl::StatusOr<Ssl> NewSsl(int agent, const std::string& ip_address) const;

 private:
  struct Credentials {
    tls::Key key;
    tls::Certificate certificate;
  };
  FleetTrust() = default;

  tls::Owned<SSL_CTX, SSL_CTX_free> context_;
  std::vector<Credentials> credentials_;  // of each agent
};

}  // namespace ronda::bench
