// Who is at the other end of a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace grpc {
class ServerContextBase;
}

namespace ronda::access {

enum class Role { kNone, kAgent, kRead, kOperate, kAdmin };
// "none", "agent", "read", "operate", "admin".
std::string_view ToString(Role role);
// The role of a person by its name; nullopt for anything else.
std::optional<Role> ParseRole(std::string_view name);

enum class PeerKind {
  kAnonymous,  // TLS without a certificate: may enrol and nothing else
  kNode,       // an agent with its certificate
  kUser,       // a person with a certificate
  kLocal,      // a person on this machine, through the Unix socket
  kPlain,      // plain text: may claim to be any agent, and read
};

struct Peer {
  PeerKind kind = PeerKind::kAnonymous;
  std::string name;  // of the node or the person
  Role role = Role::kNone;
  std::string serial;         // of the certificate, if there is one
  int64_t not_before_ms = 0;  // of the certificate
  int64_t not_after_ms = 0;   // 0: none
  bool operator==(const Peer&) const = default;
};

// Whoever comes in plain text.
Peer PlainPeer();

// "node web1", "user alice (operate)", "local root (admin)", ... for logs and the audit.
std::string Describe(const Peer& peer);

// As text that ParsePeer() reads.
std::string FormatPeer(const Peer& peer);
std::optional<Peer> ParsePeer(std::string_view text);

// Whose call it is, on servers whose credentials are of server_credentials.h; on others plain.
Peer PeerOf(const grpc::ServerContextBase& context);

// Whether `peer` may open a stream of samples as `node` ("" takes the certificate's name and puts
// it there), or of an import. kPermissionDenied says why not and what to do.
absl::Status CheckStream(const Peer& peer, bool is_import, std::string* node);

}  // namespace ronda::access
