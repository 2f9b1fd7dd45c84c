#include "collector/trust/ledger.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::trust {
namespace {

using absl::StatusCode;

constexpr int64_t kNow = 1'795'000'000'000;
constexpr int64_t kHour = 3'600'000;
const Actor kRoot{"local root (admin)", "unix:"};

class LedgerTest : public testing::Test {
 protected:
  void SetUp() override {
    clock_.Jump(kNow - clock_.NowMs());
    Open();
  }
  void Open() {
    ledger_.reset();
    audit_.reset();
    store_.reset();
    store::Store::Options options;
    options.dir = dir_.File("data");
    ASSERT_OK_AND_ASSIGN(store_, store::Store::Open(options, clock_));
    ASSERT_OK_AND_ASSIGN(audit_, Audit::Open(*store_, clock_));
    ASSERT_OK_AND_ASSIGN(ledger_, Ledger::Open(*store_, *audit_, clock_));
  }
  tls::CertificateInfo Certificate(const std::string& serial) {
    tls::CertificateInfo info;
    info.serial = serial;
    info.not_before_ms = clock_.NowMs() - kHour;
    info.not_after_ms = clock_.NowMs() + 90 * 24 * kHour;
    return info;
  }
  access::Peer Peer(const std::string& name, const std::string& serial) {
    return {access::PeerKind::kNode, name, access::Role::kAgent, serial, clock_.NowMs() - kHour,
            clock_.NowMs() + kHour};
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerTest, ATokenIsGoodOnceAlsoAfterARestart) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  Open();
  EXPECT_OK(ledger_->CheckToken("h1", "web1"));
  EXPECT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  EXPECT_THAT(ledger_->Enroll("h1", "web2", Certificate("02"), kRoot),
              StatusIs(StatusCode::kPermissionDenied, "it was used already"));
  Open();
  EXPECT_THAT(ledger_->CheckToken("h1", "web2"), StatusIs(StatusCode::kPermissionDenied, ""));
  EXPECT_TRUE(ledger_->ExpiryOfNode("web1").has_value());
}

TEST_F(LedgerTest, ATokenExpires) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  clock_.Advance(kHour);
  EXPECT_THAT(ledger_->CheckToken("h1", "web1"),
              StatusIs(StatusCode::kPermissionDenied, "the token expired on"));
}

TEST_F(LedgerTest, ATokenOfOneNodeEnrolsNoOther) {
  ASSERT_OK(ledger_->AddToken("h1", "db1", kNow + kHour, kRoot));
  EXPECT_THAT(ledger_->CheckToken("h1", "web1"),
              StatusIs(StatusCode::kPermissionDenied, "the token is for node db1, not for web1"));
}

TEST_F(LedgerTest, ATokenForAnyNodeTakesNobodysPlace) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->AddToken("h2", "", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  EXPECT_THAT(ledger_->CheckToken("h2", "web1"),
              StatusIs(StatusCode::kPermissionDenied, "has a certificate already"));
  ASSERT_OK(ledger_->Revoke({false, "web1"}, false, kRoot));
  EXPECT_OK(ledger_->CheckToken("h2", "web1"));
}

TEST_F(LedgerTest, EnrollingAgainEndsWhatWasBefore) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->AddToken("h2", "web1", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  ASSERT_OK(ledger_->Enroll("h2", "web1", Certificate("02"), kRoot));  // the same millisecond
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(ledger_->CheckRevoked(Peer("web1", "01")),
                StatusIs(StatusCode::kPermissionDenied, "was revoked"));
    EXPECT_OK(ledger_->CheckRevoked(Peer("web1", "02")));
    Open();
  }
}

TEST_F(LedgerTest, RevocationHoldsForAllThatTheNodeHasByThen) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + 24 * kHour, kRoot));
  ASSERT_OK(ledger_->AddToken("h2", "web1", kNow + 24 * kHour, kRoot));
  ASSERT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  clock_.Advance(kHour);
  ASSERT_OK(ledger_->Renew({false, "web1"}, Certificate("02"), kRoot));
  EXPECT_OK(ledger_->CheckRevoked(Peer("web1", "01")));
  ASSERT_OK(ledger_->Revoke({false, "web1"}, false, kRoot));
  Open();
  for (const char* serial : {"01", "02", "of another authority"}) {
    EXPECT_THAT(ledger_->CheckRevoked(Peer("web1", serial)),
                StatusIs(StatusCode::kPermissionDenied, "node web1 was revoked"));
  }
  EXPECT_OK(ledger_->CheckRevoked(Peer("web2", "03")));
  access::Peer person = Peer("web1", "04");
  person.kind = access::PeerKind::kUser;
  EXPECT_OK(ledger_->CheckRevoked(person));
  ASSERT_OK(ledger_->Enroll("h2", "web1", Certificate("05"), kRoot));
  EXPECT_OK(ledger_->CheckRevoked(Peer("web1", "05")));
}

TEST_F(LedgerTest, RevocationHoldsWhenTheClockWasSetBack) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  clock_.Jump(-kHour);
  ASSERT_OK(ledger_->Revoke({false, "web1"}, false, kRoot));
  EXPECT_FALSE(ledger_->CheckRevoked(Peer("web1", "01")).ok());
}

TEST_F(LedgerTest, WhoIsNotKnownIsRevokedOnlyByForce) {
  EXPECT_THAT(ledger_->Revoke({false, "web9"}, false, kRoot),
              StatusIs(StatusCode::kNotFound, "--force"));
  EXPECT_OK(ledger_->Revoke({false, "web9"}, true, kRoot));
  EXPECT_FALSE(ledger_->CheckRevoked(Peer("web9", "77")).ok());
}

TEST_F(LedgerTest, RenewalsDoNotComeInALoop) {
  ASSERT_OK(ledger_->AddToken("h1", "", kNow + kHour, kRoot));
  ASSERT_OK(ledger_->Enroll("h1", "web1", Certificate("01"), kRoot));
  EXPECT_THAT(ledger_->Renew({false, "web1"}, Certificate("02"), kRoot),
              StatusIs(StatusCode::kResourceExhausted, "a moment ago"));
}

}  // namespace
}  // namespace ronda::trust
