#include "agent/enroll/first_contact.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <utility>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/config/address.h"
#include "common/rpc/credentials.h"
#include "common/tls/certificate.h"
#include "common/tls/verify.h"

namespace ronda::agent {
namespace {

constexpr std::chrono::seconds kConnectTimeout{15};

// What the verifier found; it belongs to gRPC and outlives us.
struct Verdict {
  Mutex mu;
  absl::Status status ABSL_GUARDED_BY(mu);
};

class TokenVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  TokenVerifier(std::string host, std::string fingerprint, std::shared_ptr<Verdict> verdict)
      : host_(std::move(host)),
        fingerprint_(std::move(fingerprint)),
        verdict_(std::move(verdict)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* result) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    const absl::Status status = Judge(std::string(chain.data(), chain.size()));
    MutexLock lock(&verdict_->mu);
    verdict_->status = status;
    *result = status.ok()
                  ? grpc::Status::OK
                  : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(Message(status)));
    return true;
  }

  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Judge(const std::string& chain) const {
    const std::string authority = tls::FindByFingerprint(chain, fingerprint_);
    if (authority.empty()) {
      return Fail(absl::StatusCode::kUnauthenticated,
                  "this is not the collector that the token is of: its authority has another "
                  "fingerprint (the token's begins {}); wrong address, a token of another "
                  "collector, or somebody in between",
                  fingerprint_.substr(0, 16));
    }
    RONDA_RETURN_IF_ERROR(
        tls::Verify(chain, authority, tls::Purpose::kServer, SystemClock().NowMs()));
    if (absl::Status host = tls::VerifyHost(chain, host_); !host.ok()) {
      return Fail(absl::StatusCode::kUnauthenticated,
                  "{}; on the collector, run: ronda-collector ca init --name {}", Message(host),
                  host_);
    }
    return absl::OkStatus();
  }

  const std::string host_;
  const std::string fingerprint_;
  const std::shared_ptr<Verdict> verdict_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> FirstContact(const std::string& address,
                                                            const std::string& ca_fingerprint) {
  RONDA_ASSIGN_OR_RETURN(const config::Address parsed, config::ParseAddress(address));
  auto verdict = std::make_shared<Verdict>();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);  // by what it trusts already: the verifier does it
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<TokenVerifier>(
          parsed.host, ca_fingerprint, verdict));
  grpc::ChannelArguments arguments;
  rpc::SetProxy(address, &arguments);
  auto channel =
      grpc::CreateCustomChannel(address, grpc::experimental::TlsCredentials(options), arguments);
  const auto until = std::chrono::system_clock::now() + kConnectTimeout;
  grpc_connectivity_state state = channel->GetState(true);
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE &&
         channel->WaitForStateChange(state, until)) {
    state = channel->GetState(true);
  }
  if (state == GRPC_CHANNEL_READY) {
    return channel;
  }
  MutexLock lock(&verdict->mu);
  if (!verdict->status.ok()) {
    return verdict->status;
  }
  return Fail(absl::StatusCode::kUnavailable,
              "no collector answers over TLS at {}: is ronda-collector running there, and not with "
              "insecure: true?",
              address);
}

}  // namespace ronda::agent
