// What a certificate says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ronda::tls {

struct CertificateInfo {
  std::string common_name;
  std::string issuer;       // its common name
  std::string serial;       // lower-case hexadecimal
  std::string fingerprint;  // SHA-256 of the whole, lower-case hexadecimal
  int64_t not_before_ms = 0;
  int64_t not_after_ms = 0;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // as inet_ntop(3) prints them
  bool is_authority = false;
};

// Of the first certificate in `pem`. kInvalidArgument: there is none, or it is damaged.
absl::StatusOr<CertificateInfo> ReadCertificate(std::string_view pem);
// Of all of them; at least one.
absl::StatusOr<std::vector<CertificateInfo>> ReadAllCertificates(std::string_view pem);
// The single certificate in `pem` with that fingerprint, as PEM; "" if it is not there.
std::string FindByFingerprint(std::string_view pem, std::string_view fingerprint);

// kInvalidArgument unless the first certificate is that of the key.
absl::Status CheckPair(std::string_view certificate_pem, std::string_view key_pem);

// When the next one is to be asked for: two thirds of its life over, without the time by which its
// begin was set back (issue.h).
int64_t RenewAtMs(const CertificateInfo& certificate);

// "2026-11-28 14:05 UTC", for messages.
std::string FormatInstant(int64_t t_ms);

}  // namespace ronda::tls
