#include "common/rpc/credentials.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <chrono>
#include <string>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_ca.h"
#include "tests/support/tls_probe.h"

namespace ronda::rpc {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { RequireTls13(); }

  // A server that demands certificates of its authority, on `listen`.
  void Serve(const std::string& listen) {
    const tls::Files files = ca_.Collector();
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = ca_.pair().certificate;
    options.pem_key_cert_pairs.push_back({*ReadFile(files.key), *ReadFile(files.certificate)});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(listen, grpc::SslServerCredentials(options), &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  ~CredentialsTest() override {
    if (server_ != nullptr) {
      server_->Shutdown();
    }
  }

  bool Connects(const std::string& address, const tls::Files& files) {
    const auto credentials = LoadChannelCredentials(files, SystemClock().NowMs());
    EXPECT_OK(credentials.status());
    const auto channel = grpc::CreateChannel(address, *credentials);
    auto state = channel->GetState(true);
    const auto until = std::chrono::system_clock::now() + std::chrono::seconds(10);
    while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE &&
           channel->WaitForStateChange(state, until)) {
      state = channel->GetState(true);
    }
    return state == GRPC_CHANNEL_READY;
  }

  TempDir dir_;
  TestCa ca_{dir_.path()};
  int port_ = 0;
  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CredentialsTest, ConnectsByNameAndAddress) {
  Serve("127.0.0.1:0");
  EXPECT_TRUE(Connects("127.0.0.1:" + std::to_string(port_), ca_.Node("web1")));
  EXPECT_TRUE(Connects("localhost:" + std::to_string(port_), ca_.Node("web1")));
}

TEST_F(CredentialsTest, ConnectsToIpv6) {
  Serve("[::1]:0");
  EXPECT_TRUE(Connects("[::1]:" + std::to_string(port_), ca_.Node("web1")));
}

TEST_F(CredentialsTest, RefusesAServerOfAnotherAuthority) {
  Serve("127.0.0.1:0");
  ASSERT_OK(MakeDirectories(dir_.File("other")));
  TestCa other(dir_.File("other"));
  EXPECT_FALSE(Connects("127.0.0.1:" + std::to_string(port_), other.Node("web1")));
}

TEST_F(CredentialsTest, RefusesAServerOfAnotherName) {
  Serve("127.0.0.1:0");
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("elsewhere.example.com");
  const auto credentials = LoadChannelCredentials(ca_.Node("web1"), SystemClock().NowMs());
  const auto channel =
      grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_), *credentials, arguments);
  auto state = channel->GetState(true);
  while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
    channel->WaitForStateChange(state, std::chrono::system_clock::now() + std::chrono::seconds(10));
    state = channel->GetState(true);
  }
  EXPECT_EQ(state, GRPC_CHANNEL_TRANSIENT_FAILURE);
}

TEST_F(CredentialsTest, SpeaksTls13Alone) {
  Serve("127.0.0.1:0");
  const std::string address = "127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(NegotiatedTls(address, TLS1_3_VERSION), "TLSv1.3");
  EXPECT_EQ(NegotiatedTls(address, TLS1_2_VERSION), "");
}

TEST_F(CredentialsTest, SaysWhatIsWrongWithTheFiles) {
  EXPECT_THAT(LoadChannelCredentials({dir_.File("none"), "", ""}, 0).status(),
              StatusIs(absl::StatusCode::kNotFound, "none"));
}

}  // namespace
}  // namespace ronda::rpc
