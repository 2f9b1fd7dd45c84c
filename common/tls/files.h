// Certificates and keys in files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tls/certificate.h"

namespace ronda::tls {

// Paths of PEM files. Without certificate and key only the other side is authenticated.
struct Files {
  std::string ca;           // who is trusted
  std::string certificate;  // ours, and those between it and the authority
  std::string key;

  bool empty() const { return ca.empty() && certificate.empty() && key.empty(); }
  bool operator==(const Files&) const = default;
};

// What the files hold.
struct Material {
  std::string ca;
  std::string certificate;  // "" without one
  std::string key;
  CertificateInfo info;  // of the certificate
  bool operator==(const Material& other) const {
    return ca == other.ca && certificate == other.certificate && key == other.key;
  }
};

// Reads and checks them; errors name the file and what to do: one is missing or no PEM, the key is
// open to others (kPermissionDenied, with the chmod), key and certificate do not belong together,
// the certificate has expired or is not valid yet (kFailedPrecondition).
absl::StatusOr<Material> Load(const Files& files, int64_t now_ms);

// Writes a key so that its owner alone can read it, from its first byte on. Replaces the file
// whole.
absl::Status WriteKeyFile(const std::string& path, std::string_view key_pem);

}  // namespace ronda::tls
