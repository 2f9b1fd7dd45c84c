#include "tests/bench/fleet_trust.h"

#include <openssl/x509_vfy.h>

#include <utility>

#include "collector/trust/authority.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/tls/key.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {
namespace {

// The protocol that gRPC's server insists on.
constexpr unsigned char kAlpn[] = {2, 'h', '2'};

absl::StatusOr<tls::Owned<SSL_CTX, SSL_CTX_free>> NewContext(const std::string& ca_pem) {
  tls::Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof(kAlpn)) != 0) {
    return tls::OpenSslStatus("preparing TLS");
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<tls::Certificate> trusted,
                         tls::ReadCertificates(ca_pem));
  for (const tls::Certificate& certificate : trusted) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get());
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FleetTrust>> FleetTrust::Make(const std::string& data_dir,
                                                             int agents) {
  const SystemClock clock;
  trust::Authority::Options options;
  options.dir = data_dir + "/trust";
  RONDA_ASSIGN_OR_RETURN(const auto authority, trust::Authority::Open(options, clock));
  std::unique_ptr<FleetTrust> made(new FleetTrust);
  RONDA_ASSIGN_OR_RETURN(made->context_, NewContext(authority->ca()));
  for (int agent = 0; agent < agents; ++agent) {
    const std::string name = ScaleSet::NodeName(agent);
    RONDA_ASSIGN_OR_RETURN(const std::string key, tls::NewKey());
    RONDA_ASSIGN_OR_RETURN(const std::string request, tls::NewRequest(key, name));
    RONDA_ASSIGN_OR_RETURN(const std::string certificate, authority->SignNode(request, name));
    Credentials& own = made->credentials_.emplace_back();
    RONDA_ASSIGN_OR_RETURN(own.key, tls::ReadKey(key));
    RONDA_ASSIGN_OR_RETURN(std::vector<tls::Certificate> chain, tls::ReadCertificates(certificate));
    own.certificate = std::move(chain.front());
  }
  return made;
}

absl::StatusOr<Ssl> FleetTrust::NewSsl(int agent, const std::string& ip_address) const {
  const Credentials& own = credentials_[static_cast<size_t>(agent)];
  Ssl ssl(SSL_new(context_.get()));
  if (ssl == nullptr || SSL_use_certificate(ssl.get(), own.certificate.get()) != 1 ||
      SSL_use_PrivateKey(ssl.get(), own.key.get()) != 1 ||
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), ip_address.c_str()) != 1) {
    return tls::OpenSslStatus("preparing a connection");
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace ronda::bench
