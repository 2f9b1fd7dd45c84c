// Tested by tests/unit/common/rpc/credentials_test.cc.
#include "common/rpc/credentials.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdlib>

#include "common/base/status.h"
#include "common/config/address.h"

namespace ronda::rpc {

void RequireTls13() {
  // Suites of TLS 1.3 are chosen elsewhere. This one needs a pre-shared key, which nobody has.
  setenv("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-AES256-CBC-SHA384", 1);
}

std::shared_ptr<grpc::ChannelCredentials> NewChannelCredentials(const tls::Material& material) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = material.ca;
  options.pem_private_key = material.key;
  options.pem_cert_chain = material.certificate;
  return grpc::SslCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> LoadChannelCredentials(
    const tls::Files& files, int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(const tls::Material material, tls::Load(files, now_ms));
  return NewChannelCredentials(material);
}

void SetProxy(const std::string& address, grpc::ChannelArguments* arguments) {
  const auto parsed = config::ParseAddress(address);
  const bool local =
      address.starts_with("unix:") || !parsed.ok() || config::IsLoopback(parsed->host);
  arguments->SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, local ? 0 : 1);
}

}  // namespace ronda::rpc
