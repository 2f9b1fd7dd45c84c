#include "collector/trust/ledger.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/obs/log.h"
#include "common/tls/issue.h"

namespace ronda::trust {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kTokens = "token";
constexpr std::string_view kCertificates = "certificate";
constexpr std::string_view kRevoked = "revoked";
// Of one holder that are remembered by serial; older ones are judged by their begin.
constexpr size_t kMaxIssued = 4;
constexpr size_t kMaxTokens = 10'000;
// Least part of a certificate's life from one to the next.
constexpr int64_t kRenewFraction = 20;
constexpr int64_t kRenewPauseMs = 60'000;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AuditEntry Entry(const Actor& actor, std::string what, std::string subject, std::string detail) {
  AuditEntry entry;
  entry.who = actor.who;
  entry.from = actor.from;
  entry.what = std::move(what);
  entry.subject = std::move(subject);
  entry.detail = std::move(detail);
  return entry;
}

std::string DetailOf(const tls::CertificateInfo& certificate) {
  return fmt::format("serial {}, until {}", certificate.serial,
                     tls::FormatInstant(certificate.not_after_ms));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(store::Store& store, Audit& audit,
                                                     const Clock& clock) {
  std::unique_ptr<Ledger> ledger(new Ledger(audit, clock));
  for (const std::string_view space : {kTokens, kCertificates, kRevoked}) {
    RONDA_RETURN_IF_ERROR(store.ScanState(space, [&](std::string_view key, std::string_view value) {
      ledger->Load(space, key, value);
    }));
  }
  return ledger;
}

void Ledger::Load(std::string_view space, std::string_view key_view, std::string_view value) {
  const std::string key(key_view);
  MutexLock lock(&mu_);
  try {
    const Json json = Json::parse(value);
    if (space == kTokens) {
      tokens_[key] = {json.at("node"), json.at("expires_ms"), json.at("by")};
    } else if (space == kRevoked) {
      revoked_[key] = json.at("at_ms");
    } else {
      for (const Json& one : json.at("issued")) {
        issued_[key].push_back({one.at("serial"), one.at("at_ms"), one.at("until_ms")});
      }
    }
  } catch (const Json::exception& error) {
    // Its checksum was right: another version wrote it. A revocation holds whatever it says.
    obs::Error("trust", "{}/{} cannot be read: {}", space, key, error.what());
    if (space == kRevoked) {
      revoked_[key] = INT64_MAX;
    }
  }
}

absl::Status Ledger::AddToken(const std::string& hash, const std::string& node, int64_t expires_ms,
                              const Actor& actor) {
  MutexLock changing(&change_mu_);
  std::vector<store::StateWrite> change;
  {
    MutexLock lock(&mu_);
    for (const auto& [known, token] : tokens_) {
      if (token.expires_ms <= clock_.NowMs()) {
        change.push_back({std::string(kTokens), known, std::nullopt});
      }
    }
    if (tokens_.size() - change.size() >= kMaxTokens) {
      return Fail(absl::StatusCode::kResourceExhausted, "{} tokens are out already", kMaxTokens);
    }
  }
  std::vector<store::StateWrite> over = change;
  change.push_back({std::string(kTokens), hash,
                    Dump({{"node", node}, {"expires_ms", expires_ms}, {"by", actor.who}})});
  RONDA_RETURN_IF_ERROR(audit_.Write(
      Entry(actor, "token", node.empty() ? "any new node" : "node " + node,
            fmt::format("{}, until {}", hash.substr(0, 12), tls::FormatInstant(expires_ms))),
      std::move(change)));
  MutexLock lock(&mu_);
  for (const store::StateWrite& removed : over) {
    tokens_.erase(removed.key);
  }
  tokens_[hash] = {node, expires_ms, actor.who};
  return absl::OkStatus();
}

bool Ledger::HasValidLocked(const std::string& key) const {
  const auto it = issued_.find(key);
  if (it == issued_.end()) {
    return false;
  }
  const int64_t revoked_ms = RevokedLocked(key);
  return std::any_of(it->second.begin(), it->second.end(), [&](const Issued& one) {
    return one.until_ms > clock_.NowMs() && one.at_ms > revoked_ms;
  });
}

absl::Status Ledger::CheckTokenLocked(const std::string& hash, const std::string& node) const {
  const auto it = tokens_.find(hash);
  if (it == tokens_.end()) {
    return Fail(
        absl::StatusCode::kPermissionDenied,
        "the token is not known here: it was used already, or is of another collector; make "
        "a new one with `ronda enroll token`");
  }
  const Token& token = it->second;
  if (clock_.NowMs() >= token.expires_ms) {
    return Fail(absl::StatusCode::kPermissionDenied,
                "the token expired on {}; make a new one with `ronda enroll token`",
                tls::FormatInstant(token.expires_ms));
  }
  if (!token.node.empty() && token.node != node) {
    return Fail(
        absl::StatusCode::kPermissionDenied,
        "the token is for node {}, not for {}: make one with `ronda enroll token --node {}`",
        token.node, node, node);
  }
  if (token.node.empty() && HasValidLocked(Holder{false, node}.Key())) {
    return Fail(absl::StatusCode::kPermissionDenied,
                "node {} has a certificate already, and a token for any node takes no one's place: "
                "choose another name, or make one with `ronda enroll token --node {}`, which puts "
                "this machine in its place",
                node, node);
  }
  return absl::OkStatus();
}

absl::Status Ledger::CheckToken(const std::string& hash, const std::string& node) const {
  MutexLock lock(&mu_);
  return CheckTokenLocked(hash, node);
}

int64_t Ledger::RevokedLocked(const std::string& key) const {
  const auto it = revoked_.find(key);
  return it == revoked_.end() ? INT64_MIN : it->second;
}

store::StateWrite Ledger::IssueLocked(const std::string& key,
                                      const tls::CertificateInfo& certificate, int64_t revoked_ms,
                                      std::vector<Issued>* issued) const {
  const auto it = issued_.find(key);
  *issued = it == issued_.end() ? std::vector<Issued>{} : it->second;
  const int64_t now_ms = clock_.NowMs();
  issued->push_back({certificate.serial, now_ms > revoked_ms ? now_ms : revoked_ms + 1,
                     certificate.not_after_ms});
  if (issued->size() > kMaxIssued) {
    issued->erase(issued->begin());
  }
  Json list = Json::array();
  for (const Issued& one : *issued) {
    list.push_back({{"serial", one.serial}, {"at_ms", one.at_ms}, {"until_ms", one.until_ms}});
  }
  return {std::string(kCertificates), key, Dump({{"issued", std::move(list)}})};
}

absl::Status Ledger::Enroll(const std::string& hash, const std::string& node,
                            const tls::CertificateInfo& certificate, const Actor& actor) {
  const std::string key = Holder{false, node}.Key();
  MutexLock changing(&change_mu_);
  std::vector<store::StateWrite> change;
  std::vector<Issued> issued;
  int64_t revoked_ms = INT64_MIN;
  std::string by;
  {
    MutexLock lock(&mu_);
    RONDA_RETURN_IF_ERROR(CheckTokenLocked(hash, node));
    by = tokens_[hash].by;
    revoked_ms = RevokedLocked(key);
    if (const auto before = issued_.find(key); before != issued_.end()) {
      for (const Issued& one : before->second) {
        revoked_ms = std::max(revoked_ms, one.at_ms);
      }
    }
    change.push_back(IssueLocked(key, certificate, revoked_ms, &issued));
  }
  if (revoked_ms != INT64_MIN) {
    change.push_back({std::string(kRevoked), key, Dump({{"at_ms", revoked_ms}})});
  }
  change.push_back({std::string(kTokens), hash, std::nullopt});
  RONDA_RETURN_IF_ERROR(audit_.Write(
      Entry(actor, "enroll", "node " + node,
            fmt::format("{}, token {} by {}", DetailOf(certificate), hash.substr(0, 12), by)),
      std::move(change)));
  MutexLock lock(&mu_);
  tokens_.erase(hash);
  if (revoked_ms != INT64_MIN) {
    revoked_[key] = revoked_ms;
  }
  issued_[key] = std::move(issued);
  return absl::OkStatus();
}

absl::Status Ledger::Add(const Holder& holder, const tls::CertificateInfo& certificate,
                         AuditEntry entry) {
  const std::string key = holder.Key();
  std::vector<Issued> issued;
  std::vector<store::StateWrite> change;
  {
    MutexLock lock(&mu_);
    change.push_back(IssueLocked(key, certificate, RevokedLocked(key), &issued));
  }
  RONDA_RETURN_IF_ERROR(audit_.Write(std::move(entry), std::move(change)));
  MutexLock lock(&mu_);
  issued_[key] = std::move(issued);
  return absl::OkStatus();
}

absl::Status Ledger::Renew(const Holder& holder, const tls::CertificateInfo& certificate,
                           const Actor& actor) {
  MutexLock changing(&change_mu_);
  {
    MutexLock lock(&mu_);
    const auto it = issued_.find(holder.Key());
    if (it != issued_.end() && !it->second.empty() &&
        clock_.NowMs() - it->second.back().at_ms <
            std::min(kRenewPauseMs,
                     (it->second.back().until_ms - it->second.back().at_ms) / kRenewFraction)) {
      return Fail(absl::StatusCode::kResourceExhausted,
                  "{} got a certificate a moment ago: try again in a minute", holder.ToString());
    }
  }
  return Add(holder, certificate, Entry(actor, "renew", holder.ToString(), DetailOf(certificate)));
}

absl::Status Ledger::AddUser(const std::string& name, std::string_view role,
                             const tls::CertificateInfo& certificate, const Actor& actor) {
  MutexLock changing(&change_mu_);
  const Holder holder{true, name};
  return Add(holder, certificate,
             Entry(actor, "user", holder.ToString(),
                   fmt::format("role {}, {}", role, DetailOf(certificate))));
}

absl::Status Ledger::Revoke(const Holder& holder, bool force, const Actor& actor) {
  const std::string key = holder.Key();
  MutexLock changing(&change_mu_);
  int64_t at_ms = clock_.NowMs();
  {
    MutexLock lock(&mu_);
    const auto it = issued_.find(key);
    if (it == issued_.end() && !force) {
      return Fail(
          absl::StatusCode::kNotFound,
          "{} has no certificate of this collector (--force revokes one of another authority)",
          holder.ToString());
    }
    if (it != issued_.end()) {
      for (const Issued& one : it->second) {
        at_ms = std::max(at_ms, one.at_ms);  // the clock may have been set back
      }
    }
  }
  RONDA_RETURN_IF_ERROR(audit_.Write(Entry(actor, "revoke", holder.ToString(), ""),
                                     {{std::string(kRevoked), key, Dump({{"at_ms", at_ms}})}}));
  MutexLock lock(&mu_);
  revoked_[key] = at_ms;
  return absl::OkStatus();
}

absl::Status Ledger::CheckRevoked(const access::Peer& peer) const {
  if (peer.kind != access::PeerKind::kNode && peer.kind != access::PeerKind::kUser) {
    return absl::OkStatus();
  }
  const Holder holder{peer.kind == access::PeerKind::kUser, peer.name};
  MutexLock lock(&mu_);
  const auto revoked = revoked_.find(holder.Key());
  if (revoked == revoked_.end()) {
    return absl::OkStatus();
  }
  int64_t begin_ms = peer.not_before_ms;
  if (const auto it = issued_.find(holder.Key()); it != issued_.end()) {
    for (const Issued& one : it->second) {
      begin_ms = one.serial == peer.serial ? one.at_ms : begin_ms;
    }
  }
  if (begin_ms > revoked->second) {
    return absl::OkStatus();
  }
  return Fail(absl::StatusCode::kPermissionDenied,
              "the certificate of {} was revoked; enrol it again with a new token",
              holder.ToString());
}

std::optional<int64_t> Ledger::ExpiryOfNode(const std::string& name) const {
  MutexLock lock(&mu_);
  const auto it = issued_.find(Holder{false, name}.Key());
  if (it == issued_.end() || it->second.empty()) {
    return std::nullopt;
  }
  return it->second.back().until_ms;
}

}  // namespace ronda::trust
