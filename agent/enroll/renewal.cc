#include "agent/enroll/renewal.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/tls/key.h"
#include "ronda/v1/enrolment.grpc.pb.h"

namespace ronda::agent {
namespace {

constexpr int64_t kLookMs = 60'000;
constexpr int64_t kMinLookMs = 1'000;
constexpr std::chrono::seconds kCallTimeout{20};

}  // namespace

struct Renewal::Impl {
  Impl(RenewalOptions o, const Clock& c) : options(std::move(o)), clock(c) {}

  const RenewalOptions options;
  const Clock& clock;
  std::thread thread;
  std::string last_error;
  Mutex mu;
  CondVar cv;
  bool stopping ABSL_GUARDED_BY(mu) = false;

  // True once it is over.
  bool Wait(int64_t ms) {
    const int64_t until = clock.MonotonicMs() + ms;
    MutexLock lock(&mu);
    while (!stopping && clock.MonotonicMs() < until) {
      cv.WaitFor(&mu, std::chrono::milliseconds(until - clock.MonotonicMs()));
    }
    return stopping;
  }

  absl::Status AskOne(const std::string& collector, const tls::Material& material) {
    grpc::ChannelArguments arguments;
    rpc::SetProxy(collector, &arguments);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel =
        grpc::CreateCustomChannel(collector, rpc::NewChannelCredentials(material), arguments);
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    v1::RenewRequest request;
    RONDA_ASSIGN_OR_RETURN(*request.mutable_request_pem(),
                           tls::NewRequest(material.key, material.info.common_name));
    v1::RenewReply reply;
    RONDA_RETURN_IF_ERROR(
        rpc::FromGrpc(v1::Enrolment::NewStub(channel)->Renew(&call, request, &reply)));
    RONDA_RETURN_IF_ERROR(tls::CheckPair(reply.certificate_pem(), material.key));
    RONDA_ASSIGN_OR_RETURN(const auto info, tls::ReadCertificate(reply.certificate_pem()));
    RONDA_RETURN_IF_ERROR(WriteFileAtomically(options.files.certificate, reply.certificate_pem()));
    obs::Info("renewal", "got a new certificate until=\"{}\" collector={}",
              tls::FormatInstant(info.not_after_ms), collector);
    return absl::OkStatus();
  }

  absl::Status Ask(const tls::Material& material) {
    absl::Status status;
    for (const std::string& collector : options.collectors) {
      status = AskOne(collector, material);
      if (status.ok()) {
        return status;
      }
    }
    return Fail(status.code(), "the certificate, good until {}, cannot be renewed: {}",
                tls::FormatInstant(material.info.not_after_ms), Message(status));
  }

  // When to look again.
  int64_t Look() {
    const auto material = tls::Load(options.files, clock.NowMs());
    absl::Status status = material.status();
    int64_t next_ms = kLookMs;
    if (material.ok()) {
      const int64_t renew_ms = tls::RenewAtMs(material->info);
      const int64_t third_ms = (material->info.not_after_ms - renew_ms) / 10;
      if (clock.NowMs() >= renew_ms) {
        status = Ask(*material);
        next_ms = std::clamp(third_ms, kMinLookMs, kLookMs);
      } else {
        next_ms = std::clamp(renew_ms - clock.NowMs(), kMinLookMs, kLookMs);
      }
    }
    if (!status.ok() && last_error != Message(status)) {
      obs::Warn("renewal", "{}", Message(status));
    }
    last_error = std::string(Message(status));
    return next_ms;
  }
};

Renewal::Renewal(RenewalOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), clock)) {}

Renewal::~Renewal() { Stop(); }

void Renewal::Start() {
  impl_->thread = StartThread("ronda-renewal", [impl = impl_.get()] {
    while (!impl->Wait(impl->Look())) {
    }
  });
}

void Renewal::Stop() {
  if (!impl_->thread.joinable()) {
    return;
  }
  {
    MutexLock lock(&impl_->mu);
    impl_->stopping = true;
    impl_->cv.SignalAll();
  }
  impl_->thread.join();
}

}  // namespace ronda::agent
