#include "collector/trust/authority.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "collector/trust/host_names.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"
#include "common/tls/identity.h"
#include "common/tls/key.h"
#include "common/tls/verify.h"

namespace ronda::trust {
namespace {

constexpr int64_t kAuthorityDays = 3650;

std::string HostName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return *host == '\0' ? "collector" : host;
}

bool HoldsAll(const std::vector<std::string>& held, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
    return std::find(held.begin(), held.end(), one) != held.end();
  });
}

}  // namespace

bool Authority::Exists(const std::string& dir) {
  return ::access((dir + "/ca.pem").c_str(), F_OK) == 0;
}

tls::Files Authority::OwnFiles() const {
  return can_sign() ? tls::Files{options_.dir + "/ca.pem", options_.dir + "/collector.pem",
                                 options_.dir + "/collector.key"}
                    : options_.files;
}

absl::StatusOr<std::unique_ptr<Authority>> Authority::Open(const Options& options,
                                                           const Clock& clock) {
  std::unique_ptr<Authority> authority(new Authority(options, clock));
  if (authority->can_sign() && !Exists(options.dir)) {
    RONDA_RETURN_IF_ERROR(authority->MakeAuthority());
  }
  RONDA_RETURN_IF_ERROR(authority->Refresh());
  return authority;
}

absl::Status Authority::MakeAuthority() const {
  RONDA_RETURN_IF_ERROR(MakeDirectories(options_.dir, 0700));
  RONDA_ASSIGN_OR_RETURN(
      const tls::Pair pair,
      tls::NewAuthority("Ronda " + HostName(), clock_.NowMs(), kAuthorityDays * tls::kDayMs));
  // The certificate last: it says that the authority is there.
  RONDA_RETURN_IF_ERROR(tls::WriteKeyFile(options_.dir + "/ca.key", pair.key));
  RONDA_RETURN_IF_ERROR(WriteFileAtomically(options_.dir + "/ca.pem", pair.certificate));
  obs::Info("trust", "made a certificate authority in {}", options_.dir);
  return absl::OkStatus();
}

absl::StatusOr<tls::Pair> Authority::SigningPair() const {
  if (!can_sign()) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "the certificates of this collector come from the authority in tls.ca, which signs "
                "elsewhere: get the certificate there");
  }
  RONDA_ASSIGN_OR_RETURN(
      const tls::Material material,
      tls::Load({options_.dir + "/ca.pem", options_.dir + "/ca.pem", options_.dir + "/ca.key"},
                clock_.NowMs()));
  return tls::Pair{material.certificate, material.key};
}

absl::StatusOr<bool> Authority::NeedsOwnCertificate() const {
  const tls::Files files = OwnFiles();
  if (::access(files.certificate.c_str(), F_OK) != 0) {
    return true;
  }
  RONDA_ASSIGN_OR_RETURN(const std::string pem, ReadFile(files.certificate));
  const auto info = tls::ReadCertificate(pem);
  if (!info.ok()) {
    return Annotate(info.status(), files.certificate);
  }
  const HostNames names = NamesOfThisHost(options_.names);
  return clock_.NowMs() > tls::RenewAtMs(*info) || !HoldsAll(info->dns_names, names.dns_names) ||
         !HoldsAll(info->ip_addresses, names.ip_addresses);
}

absl::Status Authority::MakeOwnCertificate() const {
  RONDA_ASSIGN_OR_RETURN(const tls::Pair pair, SigningPair());
  const tls::Files files = OwnFiles();
  std::vector<std::string> more = options_.names;
  if (const auto before = ReadFile(files.certificate); before.ok()) {
    // Names that were given once (`ca init --name`) stay.
    if (const auto info = tls::ReadCertificate(*before); info.ok()) {
      more.insert(more.end(), info->dns_names.begin(), info->dns_names.end());
      more.insert(more.end(), info->ip_addresses.begin(), info->ip_addresses.end());
    }
  }
  auto key = ReadFile(files.key);
  if (!key.ok()) {
    RONDA_ASSIGN_OR_RETURN(key, tls::NewKey());
    RONDA_RETURN_IF_ERROR(tls::WriteKeyFile(files.key, *key));
  }
  const HostNames names = NamesOfThisHost(more);
  RONDA_ASSIGN_OR_RETURN(const std::string request, tls::NewRequest(*key, HostName()));
  tls::IssueSpec spec;
  spec.common_name = HostName();
  spec.uris = {tls::IdentityUri({tls::IdentityKind::kCollector, HostName(), ""})};
  spec.dns_names = names.dns_names;
  spec.ip_addresses = names.ip_addresses;
  spec.for_clients = false;
  spec.for_servers = true;
  spec.not_before_ms = clock_.NowMs() - tls::kBackdateMs;
  spec.not_after_ms = clock_.NowMs() + options_.valid_ms;
  RONDA_ASSIGN_OR_RETURN(const std::string certificate, tls::Sign(pair, request, spec));
  // With the authority behind it: a new node sees it at its first contact.
  RONDA_RETURN_IF_ERROR(WriteFileAtomically(files.certificate, certificate + pair.certificate));
  obs::Info("trust", "made the collector's certificate names={} until=\"{}\"",
            fmt::join(names.dns_names, ","), tls::FormatInstant(spec.not_after_ms));
  return absl::OkStatus();
}

absl::Status Authority::Refresh() {
  if (can_sign()) {
    RONDA_ASSIGN_OR_RETURN(const bool needed, NeedsOwnCertificate());
    if (needed) {
      RONDA_RETURN_IF_ERROR(MakeOwnCertificate());
    }
  }
  RONDA_ASSIGN_OR_RETURN(tls::Material material, tls::Load(OwnFiles(), clock_.NowMs()));
  if (material.certificate.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "tls.cert and tls.key are needed beside tls.ca");
  }
  MutexLock lock(&mu_);
  if (material_ == nullptr || !(*material_ == material)) {
    if (material_ != nullptr) {
      obs::Info("trust", "took up a new certificate until=\"{}\"",
                tls::FormatInstant(material.info.not_after_ms));
    }
    material_ = std::make_shared<const tls::Material>(std::move(material));
  }
  return absl::OkStatus();
}

std::shared_ptr<const tls::Material> Authority::own() const {
  MutexLock lock(&mu_);
  return material_;
}

std::string Authority::ca() const { return own()->ca; }

std::string Authority::ca_fingerprint() const {
  const auto info = tls::ReadCertificate(ca());
  return info.ok() ? info->fingerprint : "";
}

absl::StatusOr<std::string> Authority::SignNode(std::string_view request_pem,
                                                const std::string& node) const {
  RONDA_ASSIGN_OR_RETURN(const tls::Pair pair, SigningPair());
  tls::IssueSpec spec;
  spec.common_name = node;
  spec.uris = {tls::IdentityUri({tls::IdentityKind::kNode, node, ""})};
  if (tls::IsDnsName(node)) {
    spec.dns_names = {node};
  }
  spec.not_before_ms = clock_.NowMs() - tls::kBackdateMs;
  spec.not_after_ms = clock_.NowMs() + options_.valid_ms;
  return tls::Sign(pair, request_pem, spec);
}

absl::StatusOr<std::string> Authority::SignUser(std::string_view request_pem,
                                                const std::string& name, access::Role role) const {
  RONDA_ASSIGN_OR_RETURN(const tls::Pair pair, SigningPair());
  tls::IssueSpec spec;
  spec.common_name = name;
  spec.uris = {
      tls::IdentityUri({tls::IdentityKind::kUser, name, std::string(access::ToString(role))})};
  spec.not_before_ms = clock_.NowMs() - tls::kBackdateMs;
  spec.not_after_ms = clock_.NowMs() + options_.valid_ms;
  return tls::Sign(pair, request_pem, spec);
}

absl::StatusOr<access::Peer> Authority::Identify(const std::string& chain_pem) const {
  if (chain_pem.empty()) {
    return access::Peer{};
  }
  const absl::Status verified = tls::Verify(chain_pem, ca(), tls::Purpose::kClient, clock_.NowMs());
  if (!verified.ok()) {
    return Fail(absl::StatusCode::kUnauthenticated, "{}", Message(verified));
  }
  RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(chain_pem));
  const tls::Identity identity = tls::IdentityOf(info);
  access::Peer peer;
  peer.name = identity.name;
  peer.serial = info.serial;
  peer.not_before_ms = info.not_before_ms;
  peer.not_after_ms = info.not_after_ms;
  if (identity.name.empty() || identity.kind == tls::IdentityKind::kCollector) {
    return Fail(absl::StatusCode::kUnauthenticated,
                "the certificate of \"{}\" names neither a node nor a person", info.common_name);
  }
  if (identity.kind == tls::IdentityKind::kNode) {
    peer.kind = access::PeerKind::kNode;
    peer.role = access::Role::kAgent;
    return peer;
  }
  peer.kind = access::PeerKind::kUser;
  peer.role = access::ParseRole(identity.role).value_or(access::Role::kNone);
  return peer;
}

}  // namespace ronda::trust
