#include "collector/access/live_streams.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace ronda::access {
namespace {

TEST(LiveStreamsTest, EndsThoseWhoseCertificateCountsNoMoreOnce) {
  std::set<std::string> revoked;
  LiveStreams streams([&](const Peer& peer) {
    return revoked.contains(peer.name)
               ? Fail(absl::StatusCode::kPermissionDenied, "{} is revoked", peer.name)
               : absl::OkStatus();
  });
  std::vector<std::string> ended;
  const auto add = [&](const std::string& name) {
    return streams.Add({PeerKind::kNode, name, Role::kAgent, "01", 0, 42},
                       [&ended](const absl::Status& why) { ended.emplace_back(Message(why)); });
  };
  const auto web1 = add("web1");
  const auto web2 = add("web2");
  auto gone = add("gone");
  EXPECT_EQ(streams.Sweep(), 0u);
  EXPECT_EQ(streams.ExpiryOfNode("web1"), 42);
  gone.reset();
  revoked = {"web1", "gone"};
  EXPECT_EQ(streams.Sweep(), 1u);
  EXPECT_EQ(streams.Sweep(), 0u);
  EXPECT_EQ(ended, std::vector<std::string>{"web1 is revoked"});
  EXPECT_EQ(streams.ExpiryOfNode("web1"), std::nullopt);
}

TEST(LiveStreamsTest, WhoHasNoCertificateIsNotOnTheList) {
  LiveStreams streams(
      [](const Peer&) { return Fail(absl::StatusCode::kPermissionDenied, "never asked"); });
  EXPECT_EQ(streams.Add(PlainPeer(), [](const absl::Status&) { FAIL(); }), nullptr);
  EXPECT_EQ(streams.Sweep(), 0u);
}

}  // namespace
}  // namespace ronda::access
