#include "collector/access/peer.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace ronda::access {
namespace {

const Peer kWeb1{PeerKind::kNode, "web1", Role::kAgent, "0a", 1, 2};
const Peer kAlice{PeerKind::kUser, "alice b", Role::kOperate, "0b", -1, 2};

TEST(PeerTest, ComesBackFromItsText) {
  for (const Peer& peer : {Peer{}, kWeb1, kAlice, PlainPeer()}) {
    EXPECT_EQ(ParsePeer(FormatPeer(peer)), peer) << FormatPeer(peer);
  }
  for (const char* text : {"", "1 1", "9 1 - 0 0 x", "1 9 - 0 0 x", "a 1 - 0 0 x", "1 1 - 0 x"}) {
    EXPECT_EQ(ParsePeer(text), std::nullopt) << text;
  }
}

TEST(PeerTest, ANodeWritesAsItselfAlone) {
  std::string node = "web1";
  EXPECT_OK(CheckStream(kWeb1, false, &node));
  EXPECT_OK(CheckStream(kWeb1, true, &node));
  node = "web2";
  EXPECT_THAT(CheckStream(kWeb1, false, &node),
              StatusIs(absl::StatusCode::kPermissionDenied, "set node: web1 in agent.yml"));
  EXPECT_THAT(CheckStream(kWeb1, true, &node), StatusIs(absl::StatusCode::kPermissionDenied, ""));
  node = "";
  EXPECT_OK(CheckStream(kWeb1, false, &node));
  EXPECT_EQ(node, "web1");
}

TEST(PeerTest, PeopleImportAndDoNotPoseAsAgents) {
  std::string node = "web1";
  EXPECT_OK(CheckStream(kAlice, true, &node));
  EXPECT_THAT(CheckStream(kAlice, false, &node),
              StatusIs(absl::StatusCode::kPermissionDenied, "takes a node's certificate"));
  Peer reader = kAlice;
  reader.role = Role::kRead;
  EXPECT_THAT(CheckStream(reader, true, &node),
              StatusIs(absl::StatusCode::kPermissionDenied, "the role operate is needed"));
  EXPECT_THAT(CheckStream(Peer{}, false, &node), StatusIs(absl::StatusCode::kUnauthenticated, ""));
  EXPECT_OK(CheckStream(PlainPeer(), false, &node));
}

}  // namespace
}  // namespace ronda::access
