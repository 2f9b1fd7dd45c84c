#include "collector/trust/enrolment_service.h"

#include <grpcpp/grpcpp.h>

#include "collector/access/peer.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"
#include "common/obs/log.h"
#include "common/rpc/status.h"
#include "common/tls/enroll_token.h"
#include "ronda/v1/enrolment.grpc.pb.h"

namespace ronda::trust {
namespace {

constexpr size_t kMaxRequestBytes = 16 << 10;

class EnrolmentService final : public v1::Enrolment::Service {
 public:
  EnrolmentService(Authority& authority, Ledger& ledger, const Clock& clock,
                   const Attempts::Options& attempts)
      : authority_(authority), ledger_(ledger), attempts_(attempts, clock) {}

  grpc::Status Enroll(grpc::ServerContext* context, const v1::EnrollRequest* request,
                      v1::EnrollReply* reply) override {
    const std::string address = AddressOfPeer(context->peer());
    if (!attempts_.May(address)) {
      obs::Warn("trust", "too many wrong tokens, waits a minute peer={}", context->peer());
      return rpc::ToGrpc(Fail(absl::StatusCode::kResourceExhausted,
                              "too many wrong tokens: try again in a minute"));
    }
    const absl::Status status = Enroll(context->peer(), *request, reply);
    if (!status.ok()) {
      if (status.code() == absl::StatusCode::kPermissionDenied ||
          status.code() == absl::StatusCode::kInvalidArgument) {
        attempts_.Failed(address);
      }
      obs::Warn("trust", "refused to enrol peer={} error=\"{}\"", context->peer(), Message(status));
    }
    return rpc::ToGrpc(status);
  }

  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::RenewReply* reply) override {
    const absl::Status status = Renew(access::PeerOf(*context), context->peer(), *request, reply);
    if (!status.ok()) {
      obs::Warn("trust", "refused to renew peer={} error=\"{}\"", context->peer(), Message(status));
    }
    return rpc::ToGrpc(status);
  }

 private:
  absl::Status Enroll(const std::string& from, const v1::EnrollRequest& request,
                      v1::EnrollReply* reply) {
    RONDA_ASSIGN_OR_RETURN(const tls::EnrollToken token, tls::ParseEnrollToken(request.token()));
    RONDA_RETURN_IF_ERROR(CheckNodeName(request.node()));
    if (request.request_pem().size() > kMaxRequestBytes) {
      return Fail(absl::StatusCode::kInvalidArgument, "the certificate request is too long");
    }
    const std::string hash = tls::HashSecret(token.secret);
    RONDA_RETURN_IF_ERROR(ledger_.CheckToken(hash, request.node()));
    RONDA_ASSIGN_OR_RETURN(const std::string certificate,
                           authority_.SignNode(request.request_pem(), request.node()));
    RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(certificate));
    RONDA_RETURN_IF_ERROR(
        ledger_.Enroll(hash, request.node(), info, {"token " + hash.substr(0, 12), from}));
    obs::Info("trust", "enrolled node={} peer={} serial={}", request.node(), from, info.serial);
    reply->set_certificate_pem(certificate);
    reply->set_ca_pem(authority_.ca());
    return absl::OkStatus();
  }

  absl::Status Renew(const access::Peer& peer, const std::string& from,
                     const v1::RenewRequest& request, v1::RenewReply* reply) {
    if (request.request_pem().size() > kMaxRequestBytes) {
      return Fail(absl::StatusCode::kInvalidArgument, "the certificate request is too long");
    }
    RONDA_ASSIGN_OR_RETURN(const std::string certificate,
                           authority_.SignNode(request.request_pem(), peer.name));
    RONDA_ASSIGN_OR_RETURN(const tls::CertificateInfo info, tls::ReadCertificate(certificate));
    RONDA_RETURN_IF_ERROR(ledger_.Renew({false, peer.name}, info, {access::Describe(peer), from}));
    obs::Info("trust", "renewed node={} peer={} serial={}", peer.name, from, info.serial);
    reply->set_certificate_pem(certificate);
    reply->set_ca_pem(authority_.ca());
    return absl::OkStatus();
  }

  Authority& authority_;
  Ledger& ledger_;
  Attempts attempts_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewEnrolmentService(Authority& authority, Ledger& ledger,
                                                   const Clock& clock,
                                                   const Attempts::Options& attempts) {
  return std::make_unique<EnrolmentService>(authority, ledger, clock, attempts);
}

}  // namespace ronda::trust
