#include "collector/access/table.h"

#include <algorithm>

#include "common/base/status.h"

namespace ronda::access {
namespace {

constexpr MethodRule kRules[] = {
    {"/ronda.v1.Ingest/Stream", Need::kIngest},
    {"/ronda.v1.Query/GetTime", Need::kRead},
    {"/ronda.v1.Query/GetStatus", Need::kRead},
    {"/ronda.v1.Query/ListNodes", Need::kRead},
    {"/ronda.v1.Query/ListMetrics", Need::kRead},
    {"/ronda.v1.Query/Select", Need::kRead},
    {"/ronda.v1.Query/ListSeries", Need::kRead},
    {"/ronda.v1.Query/Evaluate", Need::kRead},
    {"/ronda.v1.Query/ListLabels", Need::kRead},
    {"/ronda.v1.Query/ListAlerts", Need::kRead},
    {"/ronda.v1.Query/ReadAlertLog", Need::kRead},
    {"/ronda.v1.Query/ListGaps", Need::kRead},
    {"/ronda.v1.Enrolment/Enroll", Need::kNothing},
    {"/ronda.v1.Enrolment/Renew", Need::kAgent},
    {"/ronda.v1.Admin/MakeToken", Need::kAdmin},
    {"/ronda.v1.Admin/Revoke", Need::kAdmin},
    {"/ronda.v1.Admin/ChangeNode", Need::kOperate},
    {"/ronda.v1.Admin/IssueUser", Need::kAdmin},
    {"/ronda.v1.Admin/ReadAudit", Need::kOperate},
    {"/ronda.v1.Admin/AddSilence", Need::kOperate},
    {"/ronda.v1.Query/ListSilences", Need::kRead},
    {"/ronda.v1.Admin/ExpireSilence", Need::kOperate},
    {"/ronda.v1.Rules/Reload", Need::kAdmin},
    {"/ronda.v1.Rules/List", Need::kRead},
};

Role RoleFor(Need need) {
  return need == Need::kAdmin     ? Role::kAdmin
         : need == Need::kOperate ? Role::kOperate
                                  : Role::kRead;
}

bool MayPass(Need need, const Peer& peer) {
  const bool person = peer.kind == PeerKind::kUser || peer.kind == PeerKind::kLocal;
  const bool plain = peer.kind == PeerKind::kPlain;
  switch (need) {
    case Need::kNothing:
      return true;
    case Need::kAgent:
      return peer.kind == PeerKind::kNode;
    case Need::kIngest:
      return peer.kind == PeerKind::kNode || plain || (person && peer.role >= Role::kOperate);
    case Need::kRead:
      return plain || (person && peer.role >= Role::kRead);
    case Need::kOperate:
    case Need::kAdmin:
      return person && peer.role >= RoleFor(need);
  }
  return false;
}

}  // namespace

std::span<const MethodRule> MethodRules() { return kRules; }

const MethodRule* FindRule(std::string_view method) {
  const auto* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const MethodRule& rule) { return rule.method == method; });
  return found == std::end(kRules) ? nullptr : found;
}

absl::Status Allow(const MethodRule& rule, const Peer& peer) {
  if (MayPass(rule.need, peer)) {
    return absl::OkStatus();
  }
  const std::string_view call = rule.method.substr(rule.method.rfind('/') + 1);
  if (peer.kind == PeerKind::kAnonymous) {
    return Fail(
        absl::StatusCode::kUnauthenticated,
        "{} needs a certificate: an agent gets one with `ronda-agent enroll`, a person with "
        "`ronda-collector ca user NAME --role read`",
        call);
  }
  if (rule.need == Need::kAgent || rule.need == Need::kIngest) {
    return Fail(absl::StatusCode::kPermissionDenied, "{} is for agents; this is {}", call,
                Describe(peer));
  }
  return Fail(absl::StatusCode::kPermissionDenied, "{} needs the role {}; this is {}{}", call,
              ToString(RoleFor(rule.need)), Describe(peer),
              peer.kind == PeerKind::kPlain ? ": use the Unix socket, or a certificate" : "");
}

}  // namespace ronda::access
