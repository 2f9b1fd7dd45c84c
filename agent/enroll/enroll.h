// Getting this node's certificate.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/tls/files.h"

namespace ronda::agent {

struct EnrollOptions {
  std::string node;
  std::string collector;  // HOST:PORT
  std::string token;      // as `ronda enroll token` printed it
  // In place of both: the Unix socket of a collector on this machine, whose administrator this is.
  std::string socket;
  tls::Files files;  // where key, certificate and authority go
};

// Makes a key here, has it signed, and writes the three files; what was there before is replaced
// only when all went well. Returns what the certificate says. Errors as FirstContact(), and the
// collector's: kPermissionDenied says what is wrong with the token.
absl::StatusOr<tls::CertificateInfo> Enroll(const EnrollOptions& options);

}  // namespace ronda::agent
