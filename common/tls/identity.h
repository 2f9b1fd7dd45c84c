// Whom a certificate of Ronda's own authority names. The name stands in a URI, which holds any
// name; the common name, which holds 64 bytes, is for people.
#pragma once

#include <string>
#include <string_view>

#include "common/tls/certificate.h"

namespace ronda::tls {

enum class IdentityKind { kNode, kUser, kCollector };

struct Identity {
  IdentityKind kind = IdentityKind::kNode;
  std::string name;
  std::string role;  // of a user: "read", "operate", "admin"
  bool operator==(const Identity&) const = default;
};

// "ronda:node:web1", "ronda:user:admin:alice", "ronda:collector:mon1"; the name percent-encoded.
std::string IdentityUri(const Identity& identity);

// What the URI says. A certificate without one, of an authority that is not Ronda's, names a node
// by its common name.
Identity IdentityOf(const CertificateInfo& certificate);

// True if `name` can stand in a certificate as a DNS name.
bool IsDnsName(std::string_view name);

}  // namespace ronda::tls
