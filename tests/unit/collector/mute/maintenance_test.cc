#include "collector/mute/maintenance.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/collector/mute/gate_fixture.h"

namespace ronda::mute {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMinute = 60'000;

class MaintenanceTest : public GateTest {
 protected:
  // The clock begins at 2026-11-20T00:00 UTC, a Friday.
  void Weekly() {
    options_.maintenance = {{"backup", *Cron::Parse("0 2 * * fri"), absl::UTCTimeZone(),
                             30 * kMinute, 15 * kMinute, *ParseMatchers({"node=web1"}),
                             "of the database"}};
    Open();
  }
  Silence Window(int64_t for_ms, int64_t in_ms = 0, int64_t announce_ms = 0) {
    Silence silence;
    silence.id = NewSilenceId();
    silence.matchers = *ParseMatchers({"node=web1"});
    silence.starts_ms = clock_.NowMs() + in_ms;
    silence.ends_ms = silence.starts_ms + for_ms;
    silence.maintenance = true;
    silence.name = "kernel";
    silence.announce_ms = announce_ms;
    silence.created_by = "ann";
    Put(silence);
    return silence;
  }
  // "firing: SUMMARY [DESCRIPTION]" of what the windows say; of alerts as Commit().
  std::vector<std::string> Said() {
    const Passed due = gate_->Due();
    std::vector<std::string> out = Commit(due);
    for (size_t i = 0; i < out.size(); ++i) {
      const rules::Alert& alert = due.send[i].alert;
      if (alert.rule == kMaintenanceAlert) {
        out[i] = std::string(rules::ToString(alert.state)) + ": " + alert.annotations[0].value;
        out[i] += alert.annotations[1].name == "description"
                      ? " [" + alert.annotations[1].value + "]"
                      : "";
      }
    }
    return out;
  }
};

TEST_F(MaintenanceTest, AWindowSaysThatItBeginsAndEndsWithAReport) {
  const Silence window = Window(60 * kMinute);
  EXPECT_THAT(Said(), ElementsAre("firing: maintenance \"kernel\" has begun: 2026-11-20 00:00 UTC "
                                  "to 2026-11-20 01:00 UTC [{node=\"web1\"}; by ann]"));
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_THAT(Pass({Firing("Hot"), Firing("Full")}), IsEmpty());
  EXPECT_THAT(Pass({Resolved("Full")}), IsEmpty());
  EXPECT_THAT(Pass({Firing("Full")}), IsEmpty()) << "again: one in the report";
  EXPECT_THAT(Pass({Resolved("Full")}), IsEmpty());
  EXPECT_EQ(gate_->Alerts().at(0).held, "maintenance " + window.id);
  clock_.Advance(60 * kMinute);
  EXPECT_THAT(
      Said(),
      ElementsAre("resolved: maintenance \"kernel\" is over after 1 h: 2 alerts fired in it, 1 "
                  "still [Fired in it: Hot web1, Full web1. Firing still: Hot web1]",
                  "Hot firing (held back until now: maintenance " + window.id + ")"));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(MaintenanceTest, IsAnnouncedAndMayBeCalledOff) {
  Silence window = Window(60 * kMinute, /*in_ms=*/30 * kMinute, /*announce_ms=*/10 * kMinute);
  EXPECT_THAT(Said(), IsEmpty());
  clock_.Advance(20 * kMinute - 1);
  EXPECT_THAT(Said(), IsEmpty());
  clock_.Advance(1);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("firing: maintenance \"kernel\" is to come")));
  window.starts_ms = window.ends_ms = clock_.NowMs();
  Put(window);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("resolved: maintenance \"kernel\" was called off")));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(MaintenanceTest, EndsEarlyWhenItIsEnded) {
  Silence window = Window(60 * kMinute);
  EXPECT_THAT(Said(), SizeIs(1));
  clock_.Advance(5 * kMinute);
  window.ends_ms = clock_.NowMs();
  Put(window);
  EXPECT_THAT(Said(), ElementsAre("resolved: maintenance \"kernel\" is over after 5 min: 0 alerts "
                                  "fired in it, 0 still"));
}

TEST_F(MaintenanceTest, ComesAgainByItsSchedule) {
  Weekly();
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_THAT(gate_->AllSilences(), IsEmpty()) << "shown an hour before";
  clock_.Advance(60 * kMinute);
  EXPECT_THAT(Said(), IsEmpty());
  ASSERT_THAT(gate_->AllSilences(), SizeIs(1));
  EXPECT_EQ(gate_->AllSilences()[0].name, "backup");
  clock_.Advance(45 * kMinute);
  EXPECT_THAT(Said(), ElementsAre(AllOf(HasSubstr("is to come: 2026-11-20 02:00 UTC"),
                                        HasSubstr("of the database; by collector.yml"))));
  clock_.Advance(15 * kMinute);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("\"backup\" has begun")));
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
  clock_.Advance(30 * kMinute);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("1 alert fired in it, 1 still"),
                                  HasSubstr("Hot firing (held back")));
  clock_.Advance(7 * 24 * 60 * kMinute - 30 * kMinute);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("has begun: 2026-11-27 02:00 UTC")))
      << "the collector stood still meanwhile";
}

TEST_F(MaintenanceTest, WhoEndsAScheduledWindowHasEndedIt) {
  Weekly();
  clock_.Advance(120 * kMinute);
  EXPECT_THAT(Said(), SizeIs(1));
  Silence window = gate_->AllSilences().at(0);
  clock_.Advance(kMinute);
  window.ends_ms = clock_.NowMs();
  Put(window);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("over after 1 min")));
  clock_.Advance(kMinute);
  Open();
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_THAT(gate_->AllSilences(), SizeIs(1));
}

TEST_F(MaintenanceTest, ARestartSaysNothingTwiceAndKeepsTheReport) {
  Weekly();
  clock_.Advance(120 * kMinute);
  EXPECT_THAT(Said(), SizeIs(1));
  EXPECT_THAT(Pass({Firing()}), IsEmpty());
  Open();
  EXPECT_THAT(Said(), IsEmpty());
  clock_.Advance(30 * kMinute);
  Open();
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("1 alert fired in it"), HasSubstr("Hot firing")));
  Open();
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(MaintenanceTest, ACommitThatFailedIsMadeAgain) {
  Weekly();
  clock_.Advance(120 * kMinute);
  gate_->Undo(gate_->Due());
  EXPECT_THAT(gate_->AllSilences(), IsEmpty());
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("has begun")));
  gate_->Undo(gate_->Pass(std::vector<rules::Transition>{Firing()}));
  clock_.Advance(30 * kMinute);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("0 alerts fired in it")));
}

TEST_F(MaintenanceTest, ProgressComesBackAsItWasStored) {
  const Progress progress{Progress::Told::kBegin, 70, {"a", "b"}};
  const std::string bytes = EncodeProgress(progress);
  ASSERT_OK_AND_ASSIGN(const Progress back, DecodeProgress(bytes));
  EXPECT_EQ(EncodeProgress(back), bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeProgress(bytes.substr(0, length)).ok()) << length;
  }
}

}  // namespace
}  // namespace ronda::mute
