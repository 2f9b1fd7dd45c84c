#include "common/tls/identity.h"

#include <gtest/gtest.h>

namespace ronda::tls {
namespace {

CertificateInfo With(const std::string& uri) {
  CertificateInfo info;
  info.common_name = "someone";
  info.uris = {"https://example.com", uri};
  return info;
}

TEST(IdentityTest, ComesBackFromItsUri) {
  const Identity all[] = {{IdentityKind::kNode, "web-1.example.com", ""},
                          {IdentityKind::kNode, "größe:100%,x", ""},
                          {IdentityKind::kUser, "alice:b", "operate"},
                          {IdentityKind::kCollector, "mon1", ""}};
  for (const Identity& identity : all) {
    EXPECT_EQ(IdentityOf(With(IdentityUri(identity))), identity) << IdentityUri(identity);
  }
  EXPECT_EQ(IdentityUri(all[1]), "ronda:node:gr%C3%B6%C3%9Fe%3A100%25%2Cx");
}

TEST(IdentityTest, WithoutAUriOfOursIsANodeByItsCommonName) {
  EXPECT_EQ(IdentityOf(With("spiffe://cluster/web")),
            (Identity{IdentityKind::kNode, "someone", ""}));
}

TEST(IdentityTest, DamagedUrisNameNobodyElse) {
  EXPECT_EQ(IdentityOf(With("ronda:node:")).name, "");
  EXPECT_EQ(IdentityOf(With("ronda:node:a%2")).name, "a%2");
  EXPECT_EQ(IdentityOf(With("ronda:user:admin")), (Identity{IdentityKind::kUser, "", "admin"}));
}

TEST(IdentityTest, TellsDnsNames) {
  EXPECT_TRUE(IsDnsName("web1.example.com"));
  EXPECT_FALSE(IsDnsName(""));
  EXPECT_FALSE(IsDnsName("web_1"));
  EXPECT_FALSE(IsDnsName("-web"));
  EXPECT_FALSE(IsDnsName("a..b"));
}

}  // namespace
}  // namespace ronda::tls
