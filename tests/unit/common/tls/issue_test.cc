#include "common/tls/issue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <set>
#include <string>

#include "common/tls/certificate.h"
#include "common/tls/key.h"
#include "tests/support/status_matchers.h"

namespace ronda::tls {
namespace {

constexpr int64_t kNow = 1'795'000'000'000;

IssueSpec WebSpec() {
  IssueSpec spec;
  spec.common_name = "web1";
  spec.uris = {"ronda:node:web1"};
  spec.dns_names = {"web1"};
  spec.ip_addresses = {"10.0.0.7", "2001:db8::7"};
  spec.not_before_ms = kNow - kBackdateMs;
  spec.not_after_ms = kNow + 90 * kDayMs;
  return spec;
}

class IssueTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(ca_, NewAuthority("Ronda mon1", kNow, 3650 * kDayMs));
    ASSERT_OK_AND_ASSIGN(key_, NewKey());
    ASSERT_OK_AND_ASSIGN(request_, NewRequest(key_, "what the node asks for"));
  }
  Pair ca_;
  std::string key_;
  std::string request_;
};

TEST_F(IssueTest, SaysWhatItWasToldAndNothingOfTheRequest) {
  ASSERT_OK_AND_ASSIGN(const std::string pem, Sign(ca_, request_, WebSpec()));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_EQ(info.common_name, "web1");
  EXPECT_EQ(info.issuer, "Ronda mon1");
  EXPECT_THAT(info.uris, testing::ElementsAre("ronda:node:web1"));
  EXPECT_THAT(info.dns_names, testing::ElementsAre("web1"));
  EXPECT_THAT(info.ip_addresses, testing::ElementsAre("10.0.0.7", "2001:db8::7"));
  EXPECT_EQ(info.not_before_ms, kNow - kBackdateMs);
  EXPECT_EQ(info.not_after_ms, kNow + 90 * kDayMs);
  EXPECT_FALSE(info.is_authority);
  EXPECT_EQ(info.fingerprint.size(), 64u);
  EXPECT_OK(CheckPair(pem, key_));
}

TEST_F(IssueTest, SerialsDiffer) {
  std::set<std::string> serials;
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string pem, Sign(ca_, request_, WebSpec()));
    ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
    EXPECT_GE(info.serial.size(), 32u);
    serials.insert(info.serial);
  }
  EXPECT_EQ(serials.size(), 20u);
}

TEST_F(IssueTest, LongNamesAreCutInTheCommonNameAtAWholeCharacter) {
  IssueSpec spec = WebSpec();
  spec.common_name = std::string(63, 'a') + "ä" + std::string(100, 'b');
  ASSERT_OK_AND_ASSIGN(const std::string pem, Sign(ca_, request_, spec));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_EQ(info.common_name, std::string(63, 'a'));
}

TEST_F(IssueTest, NamesWithCommasStayOneName) {
  IssueSpec spec = WebSpec();
  spec.uris = {"ronda:node:a,URI:ronda:user:admin:eve"};
  ASSERT_OK_AND_ASSIGN(const std::string pem, Sign(ca_, request_, spec));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_THAT(info.uris, testing::ElementsAre("ronda:node:a,URI:ronda:user:admin:eve"));
}

TEST_F(IssueTest, NoCertificateOutlivesItsAuthority) {
  IssueSpec spec = WebSpec();
  spec.not_after_ms = kNow + 36500 * kDayMs;
  ASSERT_OK_AND_ASSIGN(const std::string pem, Sign(ca_, request_, spec));
  ASSERT_OK_AND_ASSIGN(const CertificateInfo info, ReadCertificate(pem));
  EXPECT_EQ(info.not_after_ms, kNow + 3650 * kDayMs);
}

TEST_F(IssueTest, RefusesADamagedRequest) {
  EXPECT_THAT(Sign(ca_, "hello", WebSpec()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "not a certificate request"));
}

TEST_F(IssueTest, RefusesARequestThatAnotherKeySigned) {
  // The request of one key with the public key of another in it.
  BIO* bio = BIO_new_mem_buf(request_.data(), static_cast<int>(request_.size()));
  X509_REQ* request = PEM_read_bio_X509_REQ(bio, nullptr, nullptr, nullptr);
  EVP_PKEY* other = EVP_EC_gen("P-256");
  X509_REQ_set_pubkey(request, other);
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_REQ(out, request);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  const std::string changed(data, static_cast<size_t>(size));
  BIO_free(out);
  BIO_free(bio);
  X509_REQ_free(request);
  EVP_PKEY_free(other);
  EXPECT_THAT(Sign(ca_, changed, WebSpec()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "not signed by its own key"));
}

TEST_F(IssueTest, RefusesAWeakKey) {
  EVP_PKEY* weak = EVP_RSA_gen(1024);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, weak, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  const std::string key(data, static_cast<size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(weak);
  ASSERT_OK_AND_ASSIGN(const std::string request, NewRequest(key, "weak"));
  EXPECT_THAT(Sign(ca_, request, WebSpec()).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "not P-256"));
}

}  // namespace
}  // namespace ronda::tls
