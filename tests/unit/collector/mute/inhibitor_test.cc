#include "collector/mute/inhibitor.h"

#include <gmock/gmock.h>

#include "collector/mute/matchers.h"
#include "tests/support/status_matchers.h"

namespace ronda::mute {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Labels Of(std::vector<Label> labels) { return Labels(std::move(labels)); }

InhibitRule NodeDown() {
  return {*ParseMatchers({"alertname=NodeDown"}), *ParseMatchers({"severity=warning"}), {"node"}};
}

TEST(InhibitorTest, HoldsWhatHasTheLabelsInCommon) {
  Inhibitor inhibitor({NodeDown()});
  EXPECT_TRUE(inhibitor.Add("k1", Of({{"alertname", "NodeDown"}, {"node", "web1"}})));
  EXPECT_FALSE(inhibitor.Add("k2", Of({{"alertname", "Load"}, {"node", "web1"}})));
  const Labels target = Of({{"alertname", "Load"}, {"node", "web1"}, {"severity", "warning"}});
  EXPECT_THAT(inhibitor.SourcesOf(target), ElementsAre("k1"));
  EXPECT_THAT(inhibitor.SourcesOf(Of({{"node", "web2"}, {"severity", "warning"}})), IsEmpty());
  EXPECT_THAT(inhibitor.SourcesOf(Of({{"node", "web1"}, {"severity", "critical"}})), IsEmpty());
  EXPECT_TRUE(inhibitor.Remove("k1", Of({{"alertname", "NodeDown"}, {"node", "web1"}})));
  EXPECT_FALSE(inhibitor.Remove("k1", Of({{"alertname", "NodeDown"}, {"node", "web1"}})));
  EXPECT_THAT(inhibitor.SourcesOf(target), IsEmpty());
}

TEST(InhibitorTest, AbsentLabelsAreEqual) {
  Inhibitor inhibitor({NodeDown()});
  inhibitor.Add("k1", Of({{"alertname", "NodeDown"}}));
  EXPECT_THAT(inhibitor.SourcesOf(Of({{"severity", "warning"}})), ElementsAre("k1"));
}

TEST(InhibitorTest, WithoutEqualAnySourceWill) {
  InhibitRule rule = NodeDown();
  rule.equal.clear();
  Inhibitor inhibitor({rule});
  inhibitor.Add("k2", Of({{"alertname", "NodeDown"}, {"node", "b"}}));
  inhibitor.Add("k1", Of({{"alertname", "NodeDown"}, {"node", "a"}}));
  EXPECT_THAT(inhibitor.SourcesOf(Of({{"severity", "warning"}, {"node", "c"}})), ElementsAre("k1"));
}

TEST(InhibitorTest, WhatMatchesBothSidesDoesNotInhibitItsLike) {
  InhibitRule rule{*ParseMatchers({"severity=~critical|warning"}),
                   *ParseMatchers({"severity=warning"}),
                   {"node"}};
  Inhibitor inhibitor({rule});
  const Labels both = Of({{"severity", "warning"}, {"node", "a"}});
  inhibitor.Add("k1", both);
  EXPECT_THAT(inhibitor.SourcesOf(both), IsEmpty()) << "not even itself";
  inhibitor.Add("k2", Of({{"severity", "critical"}, {"node", "a"}}));
  EXPECT_THAT(inhibitor.SourcesOf(both), ElementsAre("k2"));
}

TEST(InhibitorTest, EachSourceIsNamedOnceOfSeveralRules) {
  InhibitRule wide = NodeDown();
  wide.equal.clear();
  Inhibitor inhibitor({NodeDown(), wide});
  inhibitor.Add("k1", Of({{"alertname", "NodeDown"}, {"node", "a"}}));
  EXPECT_THAT(inhibitor.SourcesOf(Of({{"severity", "warning"}, {"node", "a"}})), ElementsAre("k1"));
}

}  // namespace
}  // namespace ronda::mute
