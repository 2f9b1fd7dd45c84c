#include "common/tls/verify.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/tls/key.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_ca.h"

namespace ronda::tls {
namespace {

using absl::StatusCode;

class VerifyTest : public testing::Test {
 protected:
  std::string Pem(const Files& files) { return *ReadFile(files.certificate); }
  absl::Status AsClient(const std::string& pem) {
    return Verify(pem, ca_.pair().certificate, Purpose::kClient, now_);
  }

  const int64_t now_ = SystemClock().NowMs();
  TempDir dir_;
  TestCa ca_{dir_.path()};
};

TEST_F(VerifyTest, TakesWhatTheAuthoritySigned) {
  EXPECT_OK(AsClient(Pem(ca_.Node("web1"))));
  EXPECT_OK(Verify(Pem(ca_.Collector()), ca_.pair().certificate, Purpose::kServer, now_));
}

TEST_F(VerifyTest, Expired) {
  IssueSpec spec = TestCa::NodeSpec("web1");
  spec.not_after_ms = now_ - 1000;
  EXPECT_THAT(AsClient(Pem(ca_.Issue("old", spec))),
              StatusIs(StatusCode::kUnauthenticated, "\"web1\" expired on 20"));
}

TEST_F(VerifyTest, NotYetValid) {
  IssueSpec spec = TestCa::NodeSpec("web1");
  spec.not_before_ms = now_ + 60'000;
  EXPECT_THAT(AsClient(Pem(ca_.Issue("new", spec))),
              StatusIs(StatusCode::kUnauthenticated, "is not valid before 20"));
}

TEST_F(VerifyTest, OfAnotherAuthority) {
  ASSERT_OK(MakeDirectories(dir_.File("other")));
  TestCa other(dir_.File("other"), "another authority");
  EXPECT_THAT(
      AsClient(Pem(other.Node("web1"))),
      StatusIs(StatusCode::kUnauthenticated, "of another authority (\"another authority\")"));
}

TEST_F(VerifyTest, OfAnotherAuthorityOfTheSameName) {
  ASSERT_OK(MakeDirectories(dir_.File("other")));
  TestCa other(dir_.File("other"));
  EXPECT_THAT(AsClient(Pem(other.Node("web1"))), StatusIs(StatusCode::kUnauthenticated, ""));
}

TEST_F(VerifyTest, SelfSigned) {
  ASSERT_OK_AND_ASSIGN(const Pair pair, NewAuthority("web1", now_, kDayMs));
  EXPECT_THAT(AsClient(pair.certificate), StatusIs(StatusCode::kUnauthenticated, "self-signed"));
}

TEST_F(VerifyTest, ForServersOnly) {
  EXPECT_THAT(AsClient(Pem(ca_.Collector())),
              StatusIs(StatusCode::kUnauthenticated, "not made for clients"));
  EXPECT_THAT(Verify(Pem(ca_.Node("web1")), ca_.pair().certificate, Purpose::kServer, now_),
              StatusIs(StatusCode::kUnauthenticated, "not made for servers"));
}

TEST_F(VerifyTest, WithoutAnyUsage) {
  IssueSpec spec = TestCa::NodeSpec("web1");
  spec.for_clients = false;
  EXPECT_THAT(AsClient(Pem(ca_.Issue("any", spec))),
              StatusIs(StatusCode::kUnauthenticated, "not made for clients"));
}

// One bit of the certificate itself, not of its Base64 text: the last character before the padding
// carries bits that mean nothing.
TEST_F(VerifyTest, TamperedWith) {
  const std::string pem = Pem(ca_.Node("web1"));
  const size_t begin = pem.find('\n') + 1;
  std::string der;
  ASSERT_TRUE(absl::Base64Unescape(pem.substr(begin, pem.rfind("\n-----END") - begin), &der));
  const auto with = [](const std::string& bytes) {
    return "-----BEGIN CERTIFICATE-----\n" + absl::Base64Escape(bytes) +
           "\n-----END CERTIFICATE-----\n";
  };
  ASSERT_OK(AsClient(with(der)));
  for (size_t i = 0; i < der.size(); ++i) {
    std::string changed = der;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    EXPECT_FALSE(AsClient(with(changed)).ok()) << "byte " << i;
  }
}

TEST_F(VerifyTest, AnEndCertificateSignsNothing) {
  const Files node = ca_.Node("web1");
  const Pair signer{Pem(node), *ReadFile(node.key)};
  ASSERT_OK_AND_ASSIGN(const std::string key, NewKey());
  ASSERT_OK_AND_ASSIGN(const std::string request, NewRequest(key, "db1"));
  ASSERT_OK_AND_ASSIGN(const std::string forged, Sign(signer, request, TestCa::NodeSpec("db1")));
  EXPECT_THAT(AsClient(forged + signer.certificate), StatusIs(StatusCode::kUnauthenticated, ""));
}

TEST_F(VerifyTest, GarbageIsNoCertificate) {
  EXPECT_THAT(AsClient("garbage"), StatusIs(StatusCode::kInvalidArgument, "no certificate"));
  EXPECT_THAT(AsClient(""), StatusIs(StatusCode::kInvalidArgument, ""));
}

TEST_F(VerifyTest, HostsByNameAndAddress) {
  const std::string pem = Pem(ca_.Collector({"mon.example.com", "10.0.0.1", "2001:db8::1"}));
  EXPECT_OK(VerifyHost(pem, "mon.example.com"));
  EXPECT_OK(VerifyHost(pem, "10.0.0.1"));
  EXPECT_OK(VerifyHost(pem, "2001:db8:0::1"));
  EXPECT_THAT(VerifyHost(pem, "10.0.0.2"),
              StatusIs(StatusCode::kUnauthenticated,
                       "not of 10.0.0.2 but of mon.example.com, 10.0.0.1, 2001:db8::1"));
}

}  // namespace
}  // namespace ronda::tls
