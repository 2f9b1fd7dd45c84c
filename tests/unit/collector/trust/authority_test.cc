#include "collector/trust/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/tls/key.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_ca.h"

namespace ronda::trust {
namespace {

using absl::StatusCode;
using testing::Contains;

class AuthorityTest : public testing::Test {
 protected:
  void SetUp() override { clock_.Jump(SystemClock().NowMs() - clock_.NowMs()); }
  absl::StatusOr<std::unique_ptr<Authority>> Open(std::vector<std::string> names = {}) {
    Authority::Options options;
    options.dir = dir_.File("trust");
    options.names = std::move(names);
    return Authority::Open(options, clock_);
  }
  std::string Request() { return *tls::NewRequest(*tls::NewKey(), "node"); }

  TempDir dir_;
  FakeClock clock_;
};

TEST_F(AuthorityTest, IsMadeOnceAndKnowsItsOwn) {
  ASSERT_OK_AND_ASSIGN(const auto authority, Open());
  const std::string ca = authority->ca();
  ASSERT_OK_AND_ASSIGN(const std::string node, authority->SignNode(Request(), "web1"));
  ASSERT_OK_AND_ASSIGN(const std::string user,
                       authority->SignUser(Request(), "alice", access::Role::kOperate));
  ASSERT_OK_AND_ASSIGN(const auto again, Open());
  EXPECT_EQ(again->ca(), ca);
  ASSERT_OK_AND_ASSIGN(const access::Peer web1, again->Identify(node));
  EXPECT_EQ(access::Describe(web1), "node web1");
  EXPECT_GT(web1.not_after_ms, clock_.NowMs() + 89 * tls::kDayMs);
  ASSERT_OK_AND_ASSIGN(const access::Peer alice, again->Identify(user));
  EXPECT_EQ(access::Describe(alice), "user alice (operate)");
  ASSERT_OK_AND_ASSIGN(const access::Peer nobody, again->Identify(""));
  EXPECT_EQ(nobody.kind, access::PeerKind::kAnonymous);
  EXPECT_THAT(again->Identify(again->own()->certificate).status(),
              StatusIs(StatusCode::kUnauthenticated, "not made for clients"));
  for (const char* key : {"trust/ca.key", "trust/collector.key"}) {
    struct stat info {};
    ASSERT_EQ(stat(dir_.File(key).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << key;
  }
}

TEST_F(AuthorityTest, NamesThatWereGivenOnceStay) {
  ASSERT_OK_AND_ASSIGN(const auto first, Open({"mon1.example.com", "10.9.8.7"}));
  EXPECT_THAT(first->own()->info.dns_names, Contains("mon1.example.com"));
  ASSERT_OK_AND_ASSIGN(const auto again, Open({"mon2.example.com"}));
  EXPECT_THAT(again->own()->info.dns_names, Contains("mon1.example.com"));
  EXPECT_THAT(again->own()->info.dns_names, Contains("mon2.example.com"));
  EXPECT_THAT(again->own()->info.ip_addresses, Contains("10.9.8.7"));
  EXPECT_THAT(again->own()->info.ip_addresses, Contains("127.0.0.1"));
}

TEST_F(AuthorityTest, MakesItsOwnCertificateAnewInTime) {
  ASSERT_OK_AND_ASSIGN(const auto authority, Open());
  const int64_t until = authority->own()->info.not_after_ms;
  clock_.Advance(59 * tls::kDayMs);
  ASSERT_OK(authority->Refresh());
  EXPECT_EQ(authority->own()->info.not_after_ms, until);
  clock_.Advance(2 * tls::kDayMs);
  ASSERT_OK(authority->Refresh());
  EXPECT_GT(authority->own()->info.not_after_ms, until);
}

TEST_F(AuthorityTest, NodesWhoseClockIsBehindTakeANewCertificate) {
  ASSERT_OK_AND_ASSIGN(const auto authority, Open());
  ASSERT_OK_AND_ASSIGN(const std::string node, authority->SignNode(Request(), "web1"));
  clock_.Jump(-600'000);
  EXPECT_OK(authority->Identify(node).status());
}

TEST_F(AuthorityTest, FilesOfTheUsersAreTakenUpWhenTheyChange) {
  TestCa ca(dir_.path());
  Authority::Options options;
  options.files = ca.Collector();
  ASSERT_OK_AND_ASSIGN(const auto authority, Authority::Open(options, clock_));
  const std::string before = authority->own()->info.serial;
  ca.Collector();
  ASSERT_OK(authority->Refresh());
  const std::string after = authority->own()->info.serial;
  EXPECT_NE(after, before);
  ASSERT_OK(WriteFileAtomically(options.files.certificate, "damaged"));
  EXPECT_FALSE(authority->Refresh().ok());
  EXPECT_EQ(authority->own()->info.serial, after);
  EXPECT_THAT(authority->SignNode(Request(), "web1").status(),
              StatusIs(StatusCode::kFailedPrecondition, "the authority in tls.ca"));
  ASSERT_OK_AND_ASSIGN(const std::string node, ReadFile(ca.Node("web1").certificate));
  ASSERT_OK_AND_ASSIGN(const access::Peer peer, authority->Identify(node));
  EXPECT_EQ(peer.name, "web1");
}

}  // namespace
}  // namespace ronda::trust
