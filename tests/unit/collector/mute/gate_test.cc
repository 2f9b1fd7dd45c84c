// The gate over a map as its store: what is sent, what is held, what a restart makes of it.
#include "collector/mute/gate.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/collector/mute/gate_fixture.h"

namespace ronda::mute {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(GateTest, WhatNobodySilencedIsToldAtOnceAndLeavesNothingBehind) {
  EXPECT_THAT(Pass({Firing()}), ElementsAre("Hot firing"));
  EXPECT_THAT(Pass({Resolved()}), ElementsAre("Hot resolved"));
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(store_, IsEmpty());
  EXPECT_EQ(gate_->waiting(), 0u);
}

TEST_F(GateTest, WhatIsSilencedIsToldAtTheEndIfItStillFires) {
  const Silence silence = Add({"node=web1"}, 60'000);
  EXPECT_THAT(Pass({Firing("Hot"), Firing("Full")}), IsEmpty());
  EXPECT_EQ(gate_->waiting(), 2u);
  EXPECT_THAT(Pass({Resolved("Full")}), IsEmpty()) << "nobody was told that it fires";
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(59'999);
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(1);
  EXPECT_THAT(Due(),
              ElementsAre("Hot firing (held back until now: silenced by " + silence.id + ")"));
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(Pass({Resolved()}), ElementsAre("Hot resolved"));
  EXPECT_EQ(gate_->counters().held, 2u);
  EXPECT_EQ(gate_->counters().released, 1u);
  EXPECT_EQ(gate_->counters().dropped, 1u);
}

TEST_F(GateTest, TheEndOfWhatWasToldIsToldInSpiteOfASilence) {
  EXPECT_THAT(Pass({Firing()}), ElementsAre("Hot firing"));
  Add({"node=web1"}, 60'000);
  EXPECT_THAT(Pass({Resolved()}), ElementsAre("Hot resolved"));
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
}

TEST_F(GateTest, ASilenceThatExpiresEarlyReleases) {
  Silence silence = Add({"alertname=Hot"}, 60'000);
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(1'000);
  silence.ends_ms = clock_.NowMs();
  Put(silence);
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST_F(GateTest, AnotherSilenceGoesOnHolding) {
  Add({"alertname=Hot"}, 60'000);
  const Silence longer = Add({"node=web1"}, 120'000);
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
  clock_.Advance(60'000);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_EQ(gate_->Alerts().at(0).held, "silenced by " + longer.id);
  clock_.Advance(60'000);
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST_F(GateTest, ASilenceThatIsToComeHoldsNothingYet) {
  Add({"alertname=Hot"}, 60'000, /*in_ms=*/10'000);
  EXPECT_THAT(Pass({Firing()}), SizeIs(1));
}

TEST_F(GateTest, ARestartForgetsNothingAndTellsNothingTwice) {
  Add({"alertname=Hot"}, 60'000);
  EXPECT_THAT(Pass({Firing("Hot"), Firing("Full")}), ElementsAre("Full firing"));
  Open();
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_EQ(gate_->waiting(), 1u);
  ASSERT_THAT(gate_->Alerts(), SizeIs(2));
  EXPECT_THAT(gate_->Alerts().at(1).held, HasSubstr("silenced by"));
  clock_.Advance(60'000);
  Open();
  EXPECT_THAT(Due(), SizeIs(1));
  Open();
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(GateTest, ACommitThatFailedIsAsIfItHadNotBeen) {
  Add({"alertname=Hot"}, 60'000);
  const std::vector<rules::Transition> transitions = {Firing("Hot"), Firing("Full")};
  gate_->Undo(gate_->Pass(transitions));
  EXPECT_EQ(gate_->waiting(), 0u);
  EXPECT_EQ(gate_->counters().held, 0u);
  EXPECT_THAT(Pass(transitions), ElementsAre("Full firing"));
  clock_.Advance(60'000);
  gate_->Undo(gate_->Due());
  EXPECT_EQ(gate_->waiting(), 1u);
  EXPECT_THAT(Due(), SizeIs(1));
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(GateTest, FiredAndOverInOneCommitLeavesNothing) {
  Add({"alertname=Hot"}, 60'000);
  EXPECT_THAT(Pass({Firing(), Resolved()}), IsEmpty());
  EXPECT_THAT(store_, SizeIs(1)) << "the silence";
}

TEST_F(GateTest, WhatIsUnknownWhenTheSilenceEndsWaitsUntilItIsKnown) {
  Add({"alertname=Hot"}, 60'000);
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
  EXPECT_THAT(Pass({Make("Hot", AlertState::kFiring, AlertState::kUnknown, false)}), IsEmpty());
  clock_.Advance(60'000);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_EQ(gate_->Alerts().at(0).held, "its data is missing");
  Open();
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(Pass({Make("Hot", AlertState::kUnknown, AlertState::kFiring, false)}), IsEmpty());
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST_F(GateTest, AnInhibitedAlertIsToldWhenItsReasonIsGone) {
  options_.inhibit = {
      {*ParseMatchers({"alertname=NodeDown"}), *ParseMatchers({"alertname=~Hot|Full"}), {"node"}}};
  Open();
  EXPECT_THAT(Pass({Firing("Hot"), Firing("NodeDown"), Firing("Other")}),
              ElementsAre("NodeDown firing", "Other firing"))
      << "in one commit the order does not matter";
  const std::vector<AlertView> alerts = gate_->Alerts();
  ASSERT_THAT(alerts, SizeIs(3));
  EXPECT_EQ(alerts[0].alert.rule, "Hot");
  EXPECT_THAT(alerts[0].inhibited_by, ElementsAre(rules::Fingerprint(alerts[1].alert.labels)));
  EXPECT_EQ(alerts[0].held, "inhibited by NodeDown");
  Open();
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(Pass({Firing("Full")}), IsEmpty());
  EXPECT_THAT(Pass({Resolved("Full")}), IsEmpty());
  EXPECT_THAT(Pass({Resolved("NodeDown")}), ElementsAre("NodeDown resolved"));
  EXPECT_THAT(Due(), ElementsAre("Hot firing (held back until now: inhibited by NodeDown)"));
}

TEST_F(GateTest, OldSilencesAreForgotten) {
  const Silence silence = Add({"alertname=Hot"}, 60'000);
  clock_.Advance(60'000 + kKeepSilencesMs);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(gate_->AllSilences(), SizeIs(1));
  clock_.Advance(1);
  Add({"alertname=Cold"}, 60'000);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(gate_->AllSilences(), SizeIs(1));
  EXPECT_FALSE(store_.contains({std::string(kSilenceSpace), silence.id}));
}

TEST_F(GateTest, CountsWhatASilenceWouldMatch) {
  Pass({Firing("Hot"), Firing("Full")});
  EXPECT_EQ(gate_->CountMatching(*ParseMatchers({"node=web1"})), 2u);
  EXPECT_EQ(gate_->CountMatching(*ParseMatchers({"alertname=Full"})), 1u);
  EXPECT_EQ(gate_->CountMatching(*ParseMatchers({"node=web2"})), 0u);
}

TEST_F(GateTest, OtherRulesCountFromTheReloadOn) {
  EXPECT_THAT(Pass({Firing("Cause")}), ElementsAre("Cause firing"));
  Gate::Options other = options_;
  other.inhibit.push_back(
      {*ParseMatchers({"alertname=Cause"}), *ParseMatchers({"alertname=Hot"}), {}});
  gate_->Reload(other);
  EXPECT_THAT(Pass({Firing("Hot")}), IsEmpty()) << "what fired before the reload explains it";
  gate_->Reload(options_);
  EXPECT_THAT(Due(), ElementsAre("Hot firing (held back until now: inhibited by Cause)"));
}

}  // namespace
}  // namespace ronda::mute
