// The gate over alerts that depend on something.
#include "collector/mute/dependencies.h"

#include <gmock/gmock.h>

#include "tests/unit/collector/mute/gate_fixture.h"

namespace ronda::mute {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DependenciesTest : public GateTest {
 protected:
  static rules::Transition With(rules::Transition transition, const std::string& depends_on,
                                const std::string& rack = "r1") {
    transition.alert.labels.Set("rack", rack);
    if (!depends_on.empty()) {
      transition.alert.annotations = {{"ronda_depends_on", depends_on}};
    }
    return transition;
  }
};

TEST_F(DependenciesTest, WhileItsNodeIsNotHeardNobodyIsTold) {
  gate_->SetNode("web1", false);
  gate_->SetNode("web2", false);
  EXPECT_THAT(Pass({With(Firing("Hot"), "node up"), With(Firing("Cold"), "")}),
              ElementsAre("Cold firing"));
  EXPECT_THAT(Due(), IsEmpty());
  ASSERT_EQ(gate_->Alerts().size(), 2u);
  EXPECT_EQ(gate_->Alerts()[1].held, "web1 is not heard");
  gate_->SetNode("web2", true);
  EXPECT_THAT(Due(), IsEmpty());
  gate_->SetNode("web1", true);
  EXPECT_THAT(Due(), ElementsAre("Hot firing (held back until now: web1 is not heard)"));
  // What was told is told to be over, whatever the node does.
  gate_->SetNode("web1", false);
  EXPECT_THAT(Pass({With(Resolved("Hot"), "node up")}), ElementsAre("Hot resolved"));
}

TEST_F(DependenciesTest, WhileAnotherFiresWithTheSameLabels) {
  EXPECT_THAT(Pass({With(Firing("Switch"), "")}), ElementsAre("Switch firing"));
  EXPECT_THAT(Pass({With(Firing("Hot"), "not Switch on (rack)")}), IsEmpty());
  EXPECT_THAT(Pass({With(Firing("Cold"), "not Switch on (rack)", "r2")}),
              ElementsAre("Cold firing"))
      << "in another rack";
  const AlertView hot = gate_->Alerts()[1];
  EXPECT_EQ(hot.held, "Switch fires");
  EXPECT_THAT(hot.inhibited_by,
              ElementsAre(rules::Fingerprint(With(Firing("Switch"), "").alert.labels)));
  EXPECT_THAT(Pass({With(Resolved("Switch"), "")}), ElementsAre("Switch resolved"));
  EXPECT_THAT(Due(), ElementsAre("Hot firing (held back until now: Switch fires)"));
}

TEST_F(DependenciesTest, WhatExplainsItMayComeInTheSameCommitOrHaveBeenThere) {
  EXPECT_THAT(Pass({With(Firing("Hot"), "not Switch"), With(Firing("Switch"), "")}),
              ElementsAre("Switch firing"));
  // Its text is new here, and Switch is there already.
  EXPECT_THAT(Pass({With(Firing("Cold"), "node up, not Switch{rack=\"r1\"}")}), IsEmpty());
}

TEST_F(DependenciesTest, WhatEndsMeanwhileIsNeverTold) {
  Pass({With(Firing("Switch"), "")});
  EXPECT_THAT(Pass({With(Firing("Hot"), "not Switch")}), IsEmpty());
  EXPECT_THAT(Pass({With(Resolved("Hot"), "not Switch")}), IsEmpty());
  EXPECT_THAT(Pass({With(Resolved("Switch"), "")}), ElementsAre("Switch resolved"));
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(DependenciesTest, NothingDependsOnItself) {
  EXPECT_THAT(Pass({With(Firing("Hot"), "not {rack=\"r1\"} on (rack)")}),
              ElementsAre("Hot firing"));
}

TEST_F(DependenciesTest, ARestartForgetsNothing) {
  Pass({With(Firing("Switch"), "")});
  EXPECT_THAT(Pass({With(Firing("Hot"), "not Switch")}), IsEmpty());
  Open();
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(Pass({With(Resolved("Switch"), "")}), ElementsAre("Switch resolved"));
  EXPECT_THAT(Due(), ElementsAre("Hot firing (held back until now: Switch fires)"));
}

TEST_F(DependenciesTest, WhatIsNotUnderstoodHoldsNothingBack) {
  EXPECT_THAT(Pass({With(Firing("Hot"), "of a newer version")}), ElementsAre("Hot firing"));
}

}  // namespace
}  // namespace ronda::mute
