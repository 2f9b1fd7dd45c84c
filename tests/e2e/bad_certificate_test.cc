// Certificates that must not be believed, against a real collector: each is refused with its
// reason, before anything that it sent is looked at.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/rpc/credentials.h"
#include "ronda/v1/admin.grpc.pb.h"
#include "ronda/v1/ingest.grpc.pb.h"
#include "ronda/v1/query.grpc.pb.h"
#include "tests/e2e/trust_collector.h"
#include "tests/support/test_ca.h"
#include "tests/support/tls_probe.h"

namespace ronda {
namespace {

using testing::HasSubstr;

void SetDeadline(grpc::ClientContext* call) {
  call->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

class BadCertificateTest : public TrustCollector {
 protected:
  static void SetUpTestSuite() { rpc::RequireTls13(); }

  void SetUp() override {
    const tls::Files own = ca_.Collector();
    StartCollector(
        fmt::format("tls: {{ca: {}, cert: {}, key: {}}}\n", own.ca, own.certificate, own.key));
  }

  // Reads the files without judging them, as a bad client would.
  std::shared_ptr<grpc::Channel> Channel(const tls::Files& files) {
    tls::Material material;
    material.ca = *ReadFile(ca_.ca_file());
    if (!files.certificate.empty()) {
      material.certificate = *ReadFile(files.certificate);
      material.key = *ReadFile(files.key);
    }
    return grpc::CreateChannel(address_, rpc::NewChannelCredentials(material));
  }

  // How a stream of `node` ends that begins with Hello; "welcome" if it is taken.
  std::string Stream(const tls::Files& files, const std::string& node = "web1") {
    const auto stub = v1::Ingest::NewStub(Channel(files));
    grpc::ClientContext call;
    SetDeadline(&call);
    const auto stream = stub->Stream(&call);
    v1::AgentMessage hello;
    hello.mutable_hello()->mutable_versions()->set_min(1);
    hello.mutable_hello()->mutable_versions()->set_max(1);
    hello.mutable_hello()->set_node(node);
    hello.mutable_hello()->set_epoch(1);
    stream->Write(hello);
    v1::CollectorMessage answer;
    if (stream->Read(&answer) && answer.has_welcome()) {
      return "welcome";
    }
    const grpc::Status status = stream->Finish();
    return fmt::format("{}: {}", static_cast<int>(status.error_code()), status.error_message());
  }

  const int64_t now_ = SystemClock().NowMs();
  TestCa ca_{dir_.path()};
};

constexpr char kUnauthenticated[] = "16: ";
constexpr char kDenied[] = "7: ";

TEST_F(BadCertificateTest, EachKindIsRefusedWithItsReason) {
  EXPECT_EQ(Stream(ca_.Node("web1")), "welcome");

  EXPECT_THAT(Stream({ca_.ca_file(), "", ""}),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("needs a certificate")));

  tls::IssueSpec spec = TestCa::NodeSpec("web1");
  spec.not_after_ms = now_ - 1000;
  EXPECT_THAT(Stream(ca_.Issue("expired", spec)),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("expired on")));

  spec = TestCa::NodeSpec("web1");
  spec.not_before_ms = now_ + 3'600'000;
  EXPECT_THAT(Stream(ca_.Issue("early", spec)),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("is not valid before")));

  ASSERT_TRUE(MakeDirectories(dir_.File("other")).ok());
  TestCa other(dir_.File("other"), "another authority");
  EXPECT_THAT(Stream(other.Node("web1")),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("of another authority")));

  const auto self = tls::NewAuthority("web1", now_, tls::kDayMs);
  ASSERT_TRUE(self.ok());
  const tls::Files self_files{"", dir_.File("self.pem"), dir_.File("self.key")};
  ASSERT_TRUE(WriteFileAtomically(self_files.certificate, self->certificate).ok());
  ASSERT_TRUE(tls::WriteKeyFile(self_files.key, self->key).ok());
  EXPECT_THAT(Stream(self_files),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("self-signed")));

  spec = TestCa::NodeSpec("web1");
  spec.for_clients = false;
  spec.for_servers = true;
  EXPECT_THAT(Stream(ca_.Issue("server", spec)),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("not made for clients")));

  EXPECT_THAT(Stream(ca_.Node("web2"), "web1"),
              testing::AllOf(HasSubstr(kDenied), HasSubstr("is of node web2")));

  EXPECT_EQ(Ronda({"revoke", "web3", "--force"}).exit_code, 0);
  EXPECT_THAT(Stream(ca_.Node("web3"), "web3"),
              testing::AllOf(HasSubstr(kDenied), HasSubstr("was revoked")));
}

TEST_F(BadCertificateTest, TamperedWith) {
  const tls::Files files = ca_.Node("web1");
  const std::string pem = *ReadFile(files.certificate);
  BIO* in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  der[size - 1] ^= 1;  // the end of the signature
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio(out, "CERTIFICATE", "", der, size);
  char* text = nullptr;
  const long length = BIO_get_mem_data(out, &text);
  ASSERT_TRUE(WriteFileAtomically(files.certificate, {text, static_cast<size_t>(length)}).ok());
  OPENSSL_free(der);
  X509_free(certificate);
  BIO_free(in);
  BIO_free(out);
  EXPECT_THAT(Stream(files),
              testing::AllOf(HasSubstr(kUnauthenticated), HasSubstr("its signature is wrong")));
}

TEST_F(BadCertificateTest, AnAgentMayNeitherAskNorAdminister) {
  const auto channel = Channel(ca_.Node("web1"));
  grpc::ClientContext ask;
  SetDeadline(&ask);
  v1::TimeReply time;
  EXPECT_EQ(v1::Query::NewStub(channel)->GetTime(&ask, {}, &time).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  grpc::ClientContext order;
  SetDeadline(&order);
  v1::RevokeRequest request;
  request.set_name("web2");
  v1::RevokeReply reply;
  const grpc::Status status = v1::Admin::NewStub(channel)->Revoke(&order, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("this is node web1"));
}

TEST_F(BadCertificateTest, NothingButTls13IsSpoken) {
  EXPECT_EQ(NegotiatedTls(address_, TLS1_3_VERSION), "TLSv1.3");
  EXPECT_EQ(NegotiatedTls(address_, TLS1_2_VERSION), "");
  const auto plain = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  EXPECT_FALSE(plain->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(1)));
}

}  // namespace
}  // namespace ronda
