#include "tests/support/test_ca.h"

#include <gtest/gtest.h>

#include <utility>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/tls/identity.h"
#include "common/tls/key.h"

namespace ronda {
namespace {

tls::IssueSpec Spec(const tls::Identity& identity) {
  const int64_t now = SystemClock().NowMs();
  tls::IssueSpec spec;
  spec.common_name = identity.name;
  spec.uris = {tls::IdentityUri(identity)};
  spec.not_before_ms = now - tls::kBackdateMs;
  spec.not_after_ms = now + 90 * tls::kDayMs;
  return spec;
}

}  // namespace

TestCa::TestCa(std::string dir, const std::string& name) : dir_(std::move(dir)) {
  auto pair = tls::NewAuthority(name, SystemClock().NowMs(), 3650 * tls::kDayMs);
  EXPECT_TRUE(pair.ok()) << pair.status();
  if (pair.ok()) {
    pair_ = *std::move(pair);
  }
  EXPECT_TRUE(WriteFileAtomically(ca_file(), pair_.certificate).ok());
}

tls::IssueSpec TestCa::NodeSpec(const std::string& name) {
  return Spec({tls::IdentityKind::kNode, name, ""});
}

tls::Files TestCa::Collector(const std::vector<std::string>& hosts) {
  tls::IssueSpec spec = Spec({tls::IdentityKind::kCollector, hosts.front(), ""});
  spec.for_clients = false;
  spec.for_servers = true;
  for (const std::string& host : hosts) {
    const bool address = host.find_first_not_of("0123456789.") == std::string::npos ||
                         host.find(':') != std::string::npos;
    (address ? spec.ip_addresses : spec.dns_names).push_back(host);
  }
  return Issue("collector", spec);
}

tls::Files TestCa::Node(const std::string& name) { return Issue(name, NodeSpec(name)); }

tls::Files TestCa::User(const std::string& name, const std::string& role) {
  return Issue("user-" + name, Spec({tls::IdentityKind::kUser, name, role}));
}

tls::Files TestCa::Issue(const std::string& file, const tls::IssueSpec& spec) {
  tls::Files files{ca_file(), dir_ + "/" + file + ".pem", dir_ + "/" + file + ".key"};
  const auto key = tls::NewKey();
  EXPECT_TRUE(key.ok()) << key.status();
  const auto request = tls::NewRequest(*key, spec.common_name);
  EXPECT_TRUE(request.ok()) << request.status();
  const auto certificate = tls::Sign(pair_, *request, spec);
  EXPECT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_TRUE(tls::WriteKeyFile(files.key, *key).ok());
  EXPECT_TRUE(WriteFileAtomically(files.certificate, *certificate).ok());
  return files;
}

}  // namespace ronda
