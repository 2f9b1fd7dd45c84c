// On gRPC's C core: the C++ wrappers of 1.51 allow no such check on plain text, and no certificate
// that changes.
#include "collector/access/server_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <string_view>
#include <utility>

#include "collector/access/table.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::access {
namespace {

constexpr char kPeerProperty[] = "ronda_peer";

// A connection's properties are shared by its calls, which may begin in several threads; ours is
// written by the first.
Mutex& PropertyMutex() {
  static auto* const mutex = new Mutex;
  return *mutex;
}

std::string Property(const grpc_auth_context* context, const char* name) {
  grpc_auth_property_iterator found = grpc_auth_context_find_properties_by_name(context, name);
  const grpc_auth_property* property = grpc_auth_property_iterator_next(&found);
  return property == nullptr ? "" : std::string(property->value, property->value_length);
}

void Remember(grpc_auth_context* context, const Peer& peer) {
  const std::string text = FormatPeer(peer);
  MutexLock lock(&PropertyMutex());
  if (Property(context, kPeerProperty).empty()) {
    grpc_auth_context_add_property(context, kPeerProperty, text.data(), text.size());
  }
}

std::string_view Method(const grpc_metadata* metadata, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const std::string_view key(reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(metadata[i].key)),
                               GRPC_SLICE_LENGTH(metadata[i].key));
    if (key == ":path") {
      return {reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(metadata[i].value)),
              GRPC_SLICE_LENGTH(metadata[i].value)};
    }
  }
  return "";
}

// Of one set of credentials; gRPC destroys it with them.
struct Guard {
  Identify identify;
  OwnCertificate own;
  std::shared_ptr<const tls::Material> served;  // gRPC asks under a lock of its own

  absl::Status Check(grpc_auth_context* context, std::string_view method) const {
    const MethodRule* rule = FindRule(method);
    // On a server the chain is without the client's own certificate (SSL_get_peer_cert_chain(3)).
    const std::string chain = Property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME) +
                              Property(context, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
    const absl::StatusOr<Peer> peer = identify(chain);
    if (!peer.ok()) {
      // A certificate that is over does not keep its node from enrolling again.
      return rule != nullptr && rule->need == Need::kNothing ? absl::OkStatus() : peer.status();
    }
    if (rule == nullptr) {
      return Fail(absl::StatusCode::kUnimplemented, "this collector has no call {}", method);
    }
    RONDA_RETURN_IF_ERROR(Allow(*rule, *peer));
    Remember(context, *peer);
    return absl::OkStatus();
  }

  static void Process(void* state, grpc_auth_context* context, const grpc_metadata* metadata,
                      size_t count, grpc_process_auth_metadata_done_cb done, void* user_data) {
    const absl::Status status = static_cast<Guard*>(state)->Check(context, Method(metadata, count));
    const std::string message(Message(status));
    done(user_data, nullptr, 0, nullptr, 0, static_cast<grpc_status_code>(status.raw_code()),
         message.c_str());
  }
  static void Destroy(void* state) { delete static_cast<Guard*>(state); }

  static grpc_ssl_certificate_config_reload_status Fetch(
      void* state, grpc_ssl_server_certificate_config** config) {
    auto* guard = static_cast<Guard*>(state);
    std::shared_ptr<const tls::Material> now = guard->own();
    if (now == nullptr) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    }
    if (guard->served != nullptr && *guard->served == *now) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const grpc_ssl_pem_key_cert_pair pair = {now->key.c_str(), now->certificate.c_str()};
    *config = grpc_ssl_server_certificate_config_create(now->ca.c_str(), &pair, 1);
    guard->served = std::move(now);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }
};

class GuardedCredentials final : public grpc::ServerCredentials {
 public:
  // Takes both over.
  GuardedCredentials(grpc_server_credentials* credentials, Guard* guard)
      : credentials_(credentials) {
    grpc_server_credentials_set_auth_metadata_processor(credentials,
                                                        {Guard::Process, Guard::Destroy, guard});
  }
  ~GuardedCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    obs::Error("access", "the check before each call cannot be replaced");
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* const credentials_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> NewPlainCredentials(Identify identify) {
  return std::make_shared<GuardedCredentials>(grpc_insecure_server_credentials_create(),
                                              new Guard{std::move(identify), nullptr, nullptr});
}

std::shared_ptr<grpc::ServerCredentials> NewTlsCredentials(OwnCertificate own, Identify identify) {
  auto* guard = new Guard{std::move(identify), std::move(own), nullptr};
  grpc_server_credentials* credentials = grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY, Guard::Fetch, guard));
  return std::make_shared<GuardedCredentials>(credentials, guard);
}

Peer PeerOf(const grpc::ServerContextBase& context) {
  const auto properties = context.auth_context();
  std::string text;
  if (properties != nullptr) {
    MutexLock lock(&PropertyMutex());
    const std::vector<grpc::string_ref> found = properties->FindPropertyValues(kPeerProperty);
    text = found.empty() ? "" : std::string(found[0].data(), found[0].size());
  }
  return ParsePeer(text).value_or(PlainPeer());
}

}  // namespace ronda::access
