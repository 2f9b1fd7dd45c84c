#include "collector/admin/service.h"

#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "collector/access/peer.h"
#include "collector/mute/matchers.h"
#include "collector/store/node_life.h"
#include "collector/trust/audit.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"
#include "common/obs/log.h"
#include "common/rpc/status.h"
#include "common/tls/enroll_token.h"
#include "ronda/v1/admin.grpc.pb.h"

namespace ronda::admin {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kMaxTokenMs = 24 * kHourMs;

trust::Actor ActorOf(const grpc::ServerContext& context) {
  return {access::Describe(access::PeerOf(context)), context.peer()};
}

class AdminService final : public v1::Admin::Service {
 public:
  explicit AdminService(const Parts& parts) : parts_(parts) {}

  grpc::Status MakeToken(grpc::ServerContext* context, const v1::MakeTokenRequest* request,
                         v1::MakeTokenReply* reply) override {
    return rpc::ToGrpc(MakeToken(ActorOf(*context), *request, reply));
  }

  grpc::Status Revoke(grpc::ServerContext* context, const v1::RevokeRequest* request,
                      v1::RevokeReply* reply) override {
    return rpc::ToGrpc(Revoke(ActorOf(*context), *request, reply));
  }

  grpc::Status IssueUser(grpc::ServerContext* context, const v1::IssueUserRequest* request,
                         v1::IssueUserReply* reply) override {
    return rpc::ToGrpc(IssueUser(ActorOf(*context), *request, reply));
  }

  grpc::Status ChangeNode(grpc::ServerContext* context, const v1::ChangeNodeRequest* request,
                          v1::ChangeNodeReply*) override {
    return rpc::ToGrpc(ChangeNode(ActorOf(*context), *request));
  }

  grpc::Status AddSilence(grpc::ServerContext* context, const v1::AddSilenceRequest* request,
                          v1::AddSilenceReply* reply) override {
    return rpc::ToGrpc(AddSilence(ActorOf(*context), *request, reply));
  }

  grpc::Status ExpireSilence(grpc::ServerContext* context, const v1::ExpireSilenceRequest* request,
                             v1::ExpireSilenceReply* reply) override {
    return rpc::ToGrpc(ExpireSilence(ActorOf(*context), *request, reply));
  }

  grpc::Status ReadAudit(grpc::ServerContext*, const v1::ReadAuditRequest*,
                         grpc::ServerWriter<v1::AuditLine>* writer) override {
    return rpc::ToGrpc(ReadAudit(writer));
  }

 private:
  absl::Status MakeToken(const trust::Actor& actor, const v1::MakeTokenRequest& request,
                         v1::MakeTokenReply* reply) {
    RONDA_ASSIGN_OR_RETURN(trust::Authority * authority, SigningAuthority());
    if (!request.node().empty()) {
      RONDA_RETURN_IF_ERROR(CheckNodeName(request.node()));
    }
    const int64_t valid_ms = request.valid_ms() == 0 ? kHourMs : request.valid_ms();
    if (valid_ms < 1'000 || valid_ms > kMaxTokenMs) {
      return Fail(absl::StatusCode::kInvalidArgument, "a token is good for 1 s to 24 h");
    }
    RONDA_ASSIGN_OR_RETURN(const tls::EnrollToken token,
                           tls::NewEnrollToken(authority->ca_fingerprint()));
    const int64_t expires_ms = parts_.clock.NowMs() + valid_ms;
    RONDA_RETURN_IF_ERROR(
        parts_.ledger.AddToken(tls::HashSecret(token.secret), request.node(), expires_ms, actor));
    reply->set_token(tls::FormatEnrollToken(token));
    reply->set_expires_ms(expires_ms);
    return absl::OkStatus();
  }

  absl::Status Revoke(const trust::Actor& actor, const v1::RevokeRequest& request,
                      v1::RevokeReply* reply) {
    const trust::Holder holder{request.user(), request.name()};
    RONDA_RETURN_IF_ERROR(CheckNodeName(request.name()));
    RONDA_RETURN_IF_ERROR(parts_.ledger.Revoke(holder, request.force(), actor));
    obs::Warn("admin", "revoked the certificates of {} by=\"{}\"", holder.ToString(), actor.who);
    reply->set_streams_ended(static_cast<int64_t>(parts_.streams.Sweep()));
    return absl::OkStatus();
  }

  absl::Status IssueUser(const trust::Actor& actor, const v1::IssueUserRequest& request,
                         v1::IssueUserReply* reply) {
    RONDA_ASSIGN_OR_RETURN(trust::Authority * authority, SigningAuthority());
    const auto role = access::ParseRole(request.role());
    if (!role.has_value()) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "the role is read, operate or admin, not \"{}\"", request.role());
    }
    RONDA_RETURN_IF_ERROR(CheckNodeName(request.name()));
    RONDA_ASSIGN_OR_RETURN(const std::string certificate,
                           authority->SignUser(request.request_pem(), request.name(), *role));
    RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(certificate));
    RONDA_RETURN_IF_ERROR(
        parts_.ledger.AddUser(request.name(), access::ToString(*role), info, actor));
    reply->set_certificate_pem(certificate);
    reply->set_ca_pem(authority->ca());
    return absl::OkStatus();
  }

  // Durable together with its entry of the audit, and then done.
  absl::Status ChangeNode(const trust::Actor& actor, const v1::ChangeNodeRequest& request) {
    ingest::NodeChange change{};
    const char* what = nullptr;
    store::NodeLife life{request.node(), store::LifeState::kExpected, parts_.clock.NowMs(),
                         actor.who};
    switch (request.change()) {
      case v1::ChangeNodeRequest::EXPECT:
        change = ingest::NodeChange::kExpect;
        what = "expect";
        break;
      case v1::ChangeNodeRequest::RETIRE:
        change = ingest::NodeChange::kRetire;
        what = "retire";
        life.state = store::LifeState::kRetired;
        break;
      case v1::ChangeNodeRequest::UNRETIRE:
        change = ingest::NodeChange::kUnretire;
        what = "unretire";
        break;
      case v1::ChangeNodeRequest::RENAME:
        change = ingest::NodeChange::kRename;
        what = "rename";
        life.state = store::LifeState::kRetired;
        life.now = request.new_name();
        break;
      case v1::ChangeNodeRequest::ACCEPT:
        change = ingest::NodeChange::kAccept;
        what = "accept";
        break;
      default:
        return Fail(absl::StatusCode::kInvalidArgument, "no such change of a node");
    }
    MutexLock lock(&changing_);
    RONDA_RETURN_IF_ERROR(parts_.pipeline.CheckChange(request.node(), change, request.new_name()));
    trust::AuditEntry entry;
    entry.who = actor.who;
    entry.from = actor.from;
    entry.what = what;
    entry.subject = "node " + request.node();
    entry.detail = life.now.empty() ? "" : "to " + life.now;
    store::StateWrite write{std::string(store::kNodeLifeSpace), request.node(), life.Encode()};
    if (change == ingest::NodeChange::kUnretire) {
      write.value.reset();
    } else if (change == ingest::NodeChange::kAccept) {
      write = parts_.pipeline.AcceptMachine(request.node());
    }
    RONDA_RETURN_IF_ERROR(parts_.audit.Write(std::move(entry), {std::move(write)}));
    parts_.pipeline.Apply(life, change);
    obs::Info("admin", "changed a node node={} change={} by=\"{}\"", request.node(), what,
              actor.who);
    return absl::OkStatus();
  }

  absl::Status AddSilence(const trust::Actor& actor, const v1::AddSilenceRequest& request,
                          v1::AddSilenceReply* reply) {
    mute::Silence silence;
    RONDA_ASSIGN_OR_RETURN(silence.matchers, mute::ParseMatchers({request.matcher().begin(),
                                                                  request.matcher().end()}));
    silence.starts_ms = request.starts_ms();
    silence.ends_ms = request.ends_ms();
    silence.created_by = actor.who;
    silence.comment = request.comment();
    silence.maintenance = request.maintenance();
    silence.name = request.name();
    silence.announce_ms = request.announce_ms();
    RONDA_ASSIGN_OR_RETURN(const Silencing::Added added,
                           parts_.silencing.Put(std::move(silence), actor));
    reply->set_id(added.silence.id);
    reply->set_matching(static_cast<int64_t>(added.matching));
    return absl::OkStatus();
  }

  absl::Status ExpireSilence(const trust::Actor& actor, const v1::ExpireSilenceRequest& request,
                             v1::ExpireSilenceReply* reply) {
    RONDA_ASSIGN_OR_RETURN(
        const Silencing::Expired expired,
        parts_.silencing.Expire(request.id(), /*by_prefix=*/true, request.maintenance(), actor));
    reply->set_id(expired.silence.id);
    reply->set_was_over(expired.was_over);
    return absl::OkStatus();
  }

  absl::Status ReadAudit(grpc::ServerWriter<v1::AuditLine>* writer) {
    v1::AuditLine line;
    const auto send = [&](std::string_view, std::string_view text) {
      line.set_text(std::string(text));
      writer->Write(line);
    };
    RONDA_RETURN_IF_ERROR(parts_.store.ScanState(trust::kAuditSpace, send));
    line.set_head(true);
    return parts_.store.ScanState(trust::kAuditHeadSpace, send);
  }

  absl::StatusOr<trust::Authority*> SigningAuthority() const {
    if (parts_.authority == nullptr) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "this collector speaks plain text (insecure: true): it has no certificates to "
                  "give");
    }
    return parts_.authority;
  }

  const Parts parts_;
  Mutex changing_;  // one change of a node at a time, outermost in the lock order
};

}  // namespace

std::unique_ptr<grpc::Service> NewAdminService(const Parts& parts) {
  return std::make_unique<AdminService>(parts);
}

}  // namespace ronda::admin
