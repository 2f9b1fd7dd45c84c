#include "common/config/address.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace ronda::config {
namespace {

TEST(AddressTest, ReadsNamesAndBothKindsOfAddress) {
  for (const char* text : {"127.0.0.1:7710", "collector.example.com:65535", "[::1]:7710",
                           "[fe80::1%eth0]:1", "[2001:db8::7]:80"}) {
    ASSERT_OK_AND_ASSIGN(const Address address, ParseAddress(text));
    EXPECT_EQ(address.ToString(), text);
  }
  ASSERT_OK_AND_ASSIGN(const Address six, ParseAddress("[::1]:7710"));
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 7710);
}

TEST(AddressTest, SaysWhatIsMissing) {
  const std::pair<const char*, const char*> cases[] = {{"", "expected HOST:PORT"},
                                                       {"localhost", "expected HOST:PORT"},
                                                       {"[::1]", "expected HOST:PORT"},
                                                       {"::1", "needs brackets"},
                                                       {"::1:7710", "needs brackets"},
                                                       {"[::1:77", "not an IPv6"},
                                                       {"[::g]:1", "not an IPv6"},
                                                       {"[1.2.3.4]:1", "not an IPv6"},
                                                       {"h:", "port"},
                                                       {"h:x", "port"},
                                                       {"h:0", "port"},
                                                       {"h:65536", "port"},
                                                       {"h:-1", "port"},
                                                       {"h:1x", "port"},
                                                       {":7710", "host"},
                                                       {"a b:1", "host"},
                                                       {"http://h:1", "needs brackets"}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(ParseAddress(text), StatusIs(absl::StatusCode::kInvalidArgument, what)) << text;
  }
  EXPECT_OK(ParseAddress("127.0.0.1:0", true));
}

TEST(AddressTest, KnowsTheAddressesOfThisMachineAlone) {
  EXPECT_TRUE(IsLoopback("localhost"));
  EXPECT_TRUE(IsLoopback("127.0.0.1"));
  EXPECT_TRUE(IsLoopback("127.8.9.1"));
  EXPECT_TRUE(IsLoopback("::1"));
  EXPECT_FALSE(IsLoopback("0.0.0.0"));
  EXPECT_FALSE(IsLoopback("::"));
  EXPECT_FALSE(IsLoopback("128.0.0.1"));
  EXPECT_FALSE(IsLoopback("127.0.0.1.example.com"));
  EXPECT_FALSE(IsLoopback("localhost.example.com"));
}

}  // namespace
}  // namespace ronda::config
