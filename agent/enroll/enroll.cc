#include "agent/enroll/enroll.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "agent/enroll/first_contact.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/rpc/status.h"
#include "common/tls/enroll_token.h"
#include "common/tls/key.h"
#include "common/tls/verify.h"
#include "ronda/v1/admin.grpc.pb.h"
#include "ronda/v1/enrolment.grpc.pb.h"

namespace ronda::agent {
namespace {

void SetDeadline(grpc::ClientContext* call) {
  call->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
}

// Of a collector that trusts whoever administers its machine.
absl::StatusOr<std::string> TokenOverSocket(const std::shared_ptr<grpc::Channel>& channel,
                                            const EnrollOptions& options) {
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::MakeTokenRequest request;
  request.set_node(options.node);
  request.set_valid_ms(60'000);
  v1::MakeTokenReply reply;
  RONDA_RETURN_IF_ERROR(
      Annotate(rpc::FromGrpc(v1::Admin::NewStub(channel)->MakeToken(&call, request, &reply)),
               "asking the collector at " + options.socket));
  return reply.token();
}

absl::Status MakeFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? absl::OkStatus()
                                                  : MakeDirectories(path.substr(0, slash), 0700);
}

absl::Status WriteAll(const tls::Files& files, const std::string& key,
                      const v1::EnrollReply& reply) {
  for (const std::string& path : {files.ca, files.certificate, files.key}) {
    RONDA_RETURN_IF_ERROR(MakeFolderOf(path));
  }
  RONDA_RETURN_IF_ERROR(tls::WriteKeyFile(files.key, key));
  RONDA_RETURN_IF_ERROR(WriteFileAtomically(files.ca, reply.ca_pem()));
  return WriteFileAtomically(files.certificate, reply.certificate_pem());
}

}  // namespace

absl::StatusOr<tls::CertificateInfo> Enroll(const EnrollOptions& options) {
  std::shared_ptr<grpc::Channel> channel;
  std::string token = options.token;
  if (options.socket.empty()) {
    RONDA_ASSIGN_OR_RETURN(const tls::EnrollToken parsed, tls::ParseEnrollToken(token));
    RONDA_ASSIGN_OR_RETURN(channel, FirstContact(options.collector, parsed.ca_fingerprint));
  } else {
    channel = grpc::CreateChannel("unix:" + options.socket, grpc::InsecureChannelCredentials());
    RONDA_ASSIGN_OR_RETURN(token, TokenOverSocket(channel, options));
  }
  RONDA_ASSIGN_OR_RETURN(const std::string key, tls::NewKey());
  grpc::ClientContext call;
  SetDeadline(&call);
  v1::EnrollRequest request;
  request.set_token(token);
  request.set_node(options.node);
  RONDA_ASSIGN_OR_RETURN(*request.mutable_request_pem(), tls::NewRequest(key, options.node));
  v1::EnrollReply reply;
  RONDA_RETURN_IF_ERROR(
      rpc::FromGrpc(v1::Enrolment::NewStub(channel)->Enroll(&call, request, &reply)));
  RONDA_RETURN_IF_ERROR(
      Annotate(tls::CheckPair(reply.certificate_pem(), key), "what the collector signed"));
  RONDA_ASSIGN_OR_RETURN(const tls::EnrollToken parsed, tls::ParseEnrollToken(token));
  if (tls::FindByFingerprint(reply.ca_pem(), parsed.ca_fingerprint).empty()) {
    return Fail(absl::StatusCode::kUnauthenticated,
                "the collector sent another authority than the token is of");
  }
  RONDA_RETURN_IF_ERROR(tls::Verify(reply.certificate_pem(), reply.ca_pem(), tls::Purpose::kClient,
                                    SystemClock().NowMs()));
  RONDA_RETURN_IF_ERROR(WriteAll(options.files, key, reply));
  return tls::ReadCertificate(reply.certificate_pem());
}

}  // namespace ronda::agent
