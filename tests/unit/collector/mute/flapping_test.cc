#include "collector/mute/flapping.h"

#include <gmock/gmock.h>

#include "tests/unit/collector/mute/gate_fixture.h"

namespace ronda::mute {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kNote[] = "flapping: 4 changes in 10 min; next message when it was calm for 5 min";

class FlappingTest : public GateTest {
 protected:
  void SetUp() override {
    GateTest::SetUp();
    options_.flap = {3, 600'000, 300'000};
    Open();
  }
  // A change each second, from firing on; what was told.
  std::vector<std::string> Flap(int changes) {
    std::vector<std::string> told;
    for (int i = 0; i < changes; ++i) {
      clock_.Advance(1'000);
      for (std::string& text : Pass({fires_ ? Resolved() : Firing()})) {
        told.push_back(std::move(text));
      }
      fires_ = !fires_;
    }
    return told;
  }
  bool fires_ = false;
};

TEST_F(FlappingTest, SaysSoOnceAndIsQuietUntilItIsCalm) {
  EXPECT_THAT(Flap(3), ElementsAre("Hot firing", "Hot resolved", "Hot firing"));
  EXPECT_THAT(Flap(1), ElementsAre("Hot resolved (" + std::string(kNote) + ")"));
  EXPECT_THAT(Flap(7), IsEmpty());
  EXPECT_EQ(gate_->Alerts().at(0).held, kNote);
  clock_.Advance(299'999);
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(1);
  EXPECT_THAT(Due(), ElementsAre("Hot firing (calm again for 5 min, after flapping)"));
  EXPECT_THAT(Flap(1), ElementsAre("Hot resolved")) << "as any alert";
}

TEST_F(FlappingTest, CalmInTheStateThatWasToldLastIsToldAsWell) {
  EXPECT_THAT(Flap(4), SizeIs(4));
  EXPECT_THAT(Flap(2), IsEmpty());
  clock_.Advance(300'000);
  EXPECT_THAT(Due(), ElementsAre("Hot resolved (calm again for 5 min, after flapping)"));
}

TEST_F(FlappingTest, WithoutAnotherChangeThereIsNothingToTell) {
  EXPECT_THAT(Flap(4), SizeIs(4));
  clock_.Advance(300'000);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(store_, IsEmpty());
}

TEST_F(FlappingTest, EachChangeBeginsTheCalmAnew) {
  EXPECT_THAT(Flap(5), SizeIs(4));
  clock_.Advance(200'000);
  EXPECT_THAT(Flap(1), IsEmpty());
  clock_.Advance(200'000);
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(100'000);
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST_F(FlappingTest, SlowChangesAreNoFlapping) {
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(200'000);
    EXPECT_THAT(Flap(1), SizeIs(1)) << i;
  }
}

TEST_F(FlappingTest, ARestartForgetsNothing) {
  EXPECT_THAT(Flap(3), SizeIs(3));
  Open();
  EXPECT_THAT(Flap(1), ElementsAre(HasSubstr("flapping: 4 changes")));
  Open();
  EXPECT_THAT(Flap(1), IsEmpty());
  EXPECT_EQ(gate_->Alerts().at(0).held, kNote);
  clock_.Advance(300'000);
  Open();
  EXPECT_THAT(Due(), ElementsAre("Hot firing (calm again for 5 min, after flapping)"));
  clock_.Advance(600'000);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(store_, IsEmpty());
}

TEST_F(FlappingTest, WhatIsSilencedMeanwhileWaitsForBoth) {
  const Silence silence = Add({"alertname=Hot"}, 400'000);
  EXPECT_THAT(Flap(9), IsEmpty());
  clock_.Advance(380'000);
  EXPECT_THAT(Due(), IsEmpty());
  clock_.Advance(20'000);
  EXPECT_THAT(Due(), ElementsAre(HasSubstr("flapping: 4 changes")));
}

TEST_F(FlappingTest, ACommitThatFailedDoesNotCount) {
  for (int i = 0; i < 10; ++i) {
    gate_->Undo(gate_->Pass(std::vector<rules::Transition>{Firing()}));
  }
  EXPECT_THAT(Flap(3), SizeIs(3));
}

TEST_F(FlappingTest, ChangesThatAreOverAreForgotten) {
  EXPECT_THAT(Flap(2), SizeIs(2));
  EXPECT_THAT(store_, SizeIs(1));
  clock_.Advance(599'999);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(store_, SizeIs(1));
  clock_.Advance(1);
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(store_, IsEmpty());
}

TEST_F(FlappingTest, AClockThatIsSetBackDoesNotMakeItFlapForEver) {
  EXPECT_THAT(Flap(5), SizeIs(4));
  clock_.Jump(-3'600'000);
  EXPECT_THAT(Flap(1), IsEmpty());
  clock_.Advance(300'000);
  EXPECT_THAT(Due(), SizeIs(1));
}

TEST(LengthTextTest, IsForPeople) {
  EXPECT_EQ(LengthText(45'000), "45 s");
  EXPECT_EQ(LengthText(600'000), "10 min");
  EXPECT_EQ(LengthText(90'000), "90 s");
  EXPECT_EQ(LengthText(3'600'000), "1 h");
  EXPECT_EQ(LengthText(5'400'000), "1 h 30 min");
}

}  // namespace
}  // namespace ronda::mute
