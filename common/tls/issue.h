// Making certificates: an authority, and what it signs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::tls {

// A certificate and its key, both PEM.
struct Pair {
  std::string certificate;
  std::string key;
};

inline constexpr int64_t kDayMs = 86'400'000;
// Certificates begin that long before they are made, for nodes whose clock is behind.
inline constexpr int64_t kBackdateMs = 3'600'000;

// A new authority: P-256, self-signed, may sign certificates of ends alone (path length 0).
absl::StatusOr<Pair> NewAuthority(std::string_view name, int64_t now_ms, int64_t valid_ms);

struct IssueSpec {
  std::string common_name;  // cut to 64 bytes; `uris` hold names of any length
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool for_clients = true;  // extended key usage
  bool for_servers = false;
  int64_t not_before_ms = 0;
  int64_t not_after_ms = 0;  // cut to the authority's end
};

// Signs the key of a request. Nothing else of the request gets into the certificate.
// kInvalidArgument: the request is damaged or not signed by its key, or the key is too weak (other
// than P-256, P-384, or RSA of 2048 bits and more).
absl::StatusOr<std::string> Sign(const Pair& authority, std::string_view request_pem,
                                 const IssueSpec& spec);

}  // namespace ronda::tls
