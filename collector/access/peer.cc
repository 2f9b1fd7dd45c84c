#include "collector/access/peer.h"

#include <charconv>
#include <vector>

#include "common/base/status.h"

namespace ronda::access {
namespace {

constexpr std::string_view kRoles[] = {"none", "agent", "read", "operate", "admin"};
constexpr std::string_view kKinds[] = {"anonymous", "node", "user", "local", "plain"};

template <typename T>
bool ParseNumber(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string_view ToString(Role role) { return kRoles[static_cast<size_t>(role)]; }

std::optional<Role> ParseRole(std::string_view name) {
  for (const Role role : {Role::kRead, Role::kOperate, Role::kAdmin}) {
    if (name == ToString(role)) {
      return role;
    }
  }
  return std::nullopt;
}

Peer PlainPeer() { return {PeerKind::kPlain, "", Role::kRead, "", 0, 0}; }

std::string Describe(const Peer& peer) {
  const std::string_view kind = kKinds[static_cast<size_t>(peer.kind)];
  switch (peer.kind) {
    case PeerKind::kNode:
      return fmt::format("node {}", peer.name);
    case PeerKind::kUser:
    case PeerKind::kLocal:
      return fmt::format("{} {} ({})", kind, peer.name, ToString(peer.role));
    default:
      return std::string(kind);
  }
}

std::string FormatPeer(const Peer& peer) {
  return fmt::format("{} {} {} {} {} {}", static_cast<int>(peer.kind), static_cast<int>(peer.role),
                     peer.serial.empty() ? "-" : peer.serial, peer.not_before_ms, peer.not_after_ms,
                     peer.name);
}

std::optional<Peer> ParsePeer(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() < 5) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
      return std::nullopt;
    }
    words.push_back(text.substr(0, blank));
    text.remove_prefix(blank + 1);
  }
  int kind = 0;
  int role = 0;
  Peer peer;
  if (!ParseNumber(words[0], &kind) || !ParseNumber(words[1], &role) || kind < 0 || kind > 4 ||
      role < 0 || role > 4 || !ParseNumber(words[3], &peer.not_before_ms) ||
      !ParseNumber(words[4], &peer.not_after_ms)) {
    return std::nullopt;
  }
  peer.kind = static_cast<PeerKind>(kind);
  peer.role = static_cast<Role>(role);
  peer.serial = words[2] == "-" ? "" : std::string(words[2]);
  peer.name = std::string(text);
  return peer;
}

absl::Status CheckStream(const Peer& peer, bool is_import, std::string* node) {
  switch (peer.kind) {
    case PeerKind::kPlain:
      return absl::OkStatus();
    case PeerKind::kNode:
      if (node->empty()) {
        *node = peer.name;
      }
      if (*node != peer.name) {
        return Fail(absl::StatusCode::kPermissionDenied,
                    "the certificate is of node {}, which may write as nobody else, and not as {}: "
                    "set node: {} in agent.yml, or enrol this node as {}",
                    peer.name, *node, peer.name, *node);
      }
      return absl::OkStatus();
    case PeerKind::kUser:
    case PeerKind::kLocal:
      if (is_import && peer.role >= Role::kOperate) {
        return absl::OkStatus();
      }
      return Fail(absl::StatusCode::kPermissionDenied, "{} may not {}", Describe(peer),
                  is_import ? "import: the role operate is needed"
                            : "send samples as an agent: that takes a node's certificate");
    case PeerKind::kAnonymous:
      break;
  }
  return Fail(absl::StatusCode::kUnauthenticated, "a node's certificate is needed to send samples");
}

}  // namespace ronda::access
