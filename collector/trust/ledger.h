// What the collector has let in: tokens that are out, certificates that it signed, and those that
// no longer count. State of ronda.db:
//
//   space "token"        key: SHA-256 of the secret          {"node":"","expires_ms":0,"by":""}
//   space "certificate"  key: "node/NAME" or "user/NAME" {"issued":[{"serial","at_ms","until_ms"}]}
//   space "revoked"      the same key                        {"at_ms":0}
//
// Each change is one commit with its entry of the audit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/access/peer.h"
#include "collector/trust/audit.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/tls/certificate.h"

namespace ronda::trust {

// Who asked, for the audit.
struct Actor {
  std::string who;
  std::string from;
};

// Whose certificate it is.
struct Holder {
  bool is_user = false;
  std::string name;
  // "node web1", "user alice".
  std::string ToString() const { return (is_user ? "user " : "node ") + name; }
  std::string Key() const { return (is_user ? "user/" : "node/") + name; }
};

// Thread-safe; the look-ups are cheap.
class Ledger {
 public:
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(store::Store& store, Audit& audit,
                                                      const Clock& clock);

  // Notes a token by the hash of its secret. `node` "" lets it enrol any node that has no
  // certificate yet.
  absl::Status AddToken(const std::string& hash, const std::string& node, int64_t expires_ms,
                        const Actor& actor);

  // Whether the token may enrol `node`. kPermissionDenied: it is not known (or was used), has
  // expired, is another node's, or the node has a certificate and the token is not its own.
  absl::Status CheckToken(const std::string& hash, const std::string& node) const;

  // Uses the token up, for a certificate that was signed: both or neither. Certificates that the
  // node had before no longer count. Errors as CheckToken().
  absl::Status Enroll(const std::string& hash, const std::string& node,
                      const tls::CertificateInfo& certificate, const Actor& actor);
  // A further certificate for who has one. kResourceExhausted: the last one is from a moment ago.
  absl::Status Renew(const Holder& holder, const tls::CertificateInfo& certificate,
                     const Actor& actor);
  // A person's; what was revoked before stays so.
  absl::Status AddUser(const std::string& name, std::string_view role,
                       const tls::CertificateInfo& certificate, const Actor& actor);

  // Certificates that the holder has by now count no more. kNotFound: it has none that this
  // collector signed or knows to be revoked, unless `force`.
  absl::Status Revoke(const Holder& holder, bool force, const Actor& actor);

  // kPermissionDenied if the peer's certificate was revoked.
  absl::Status CheckRevoked(const access::Peer& peer) const;

  // When the newest certificate of a node ends; nullopt: none was signed here.
  std::optional<int64_t> ExpiryOfNode(const std::string& name) const;

 private:
  struct Token {
    std::string node;
    int64_t expires_ms = 0;
    std::string by;
  };
  struct Issued {
    std::string serial;
    int64_t at_ms = 0;
    int64_t until_ms = 0;
  };

  Ledger(Audit& audit, const Clock& clock) : audit_(audit), clock_(clock) {}
  void Load(std::string_view space, std::string_view key, std::string_view value);
  absl::Status CheckTokenLocked(const std::string& hash, const std::string& node) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasValidLocked(const std::string& key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The write that adds a certificate, which counts although what is from `revoked_ms` or before
  // does not; `issued` becomes the holder's list with it.
  store::StateWrite IssueLocked(const std::string& key, const tls::CertificateInfo& certificate,
                                int64_t revoked_ms, std::vector<Issued>* issued) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t RevokedLocked(const std::string& key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Adds a certificate, with its entry of the audit.
  absl::Status Add(const Holder& holder, const tls::CertificateInfo& certificate, AuditEntry entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);

  Audit& audit_;
  const Clock& clock_;
  // Held for the length of a change, its commit included; before mu_, which look-ups take.
  Mutex change_mu_;
  mutable Mutex mu_;
  std::map<std::string, Token> tokens_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::vector<Issued>> issued_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int64_t> revoked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::trust
