// Messages that silences hold back, over a real store: what is told, what a restart makes of it.
#include <gmock/gmock.h>

#include "collector/mute/matchers.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HeldTest : public IngestTest {
 protected:
  void Run(FakeAgent& agent, int seconds, double load) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(1000);
      agent.Tick(clock_.NowMs(), load);
      pipeline_->Tick();
    }
    Flush();
  }
  // As an operator's change: durable, then in force.
  void Silence(const std::string& matcher, int64_t for_ms) {
    mute::Silence silence;
    silence.id = mute::NewSilenceId();
    silence.matchers = *mute::ParseMatchers({matcher});
    silence.starts_ms = clock_.NowMs();
    silence.ends_ms = clock_.NowMs() + for_ms;
    pipeline_->Write({std::string(mute::kSilenceSpace), silence.id, EncodeSilence(silence)});
    Flush();
    gate_->Apply(silence);
  }
  // "LoadHigh firing reason" of each entry of the outbox; none is ever taken out here.
  std::vector<std::string> Told() const {
    std::vector<std::string> told;
    EXPECT_OK(
        store_->ScanState(notify::kOutboxSpace, [&](std::string_view, std::string_view value) {
          const auto n = notify::DecodeNotification(value);
          EXPECT_OK(n);
          told.push_back(n->event.alert.rule + " " + std::string(notify::StatusOf(*n)) +
                         (n->event.reason.empty() ? "" : " " + n->event.reason));
        }));
    return told;
  }
};

TEST_F(HeldTest, ASilencedAlertIsLoggedAndNotTold) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 1, 1);
  Silence("alertname=LoadHigh", 60'000);
  Run(*agent, 5, 9);
  EXPECT_THAT(Alerts(), ElementsAre("LoadHigh firing"));
  EXPECT_THAT(AlertLog(), Contains(HasSubstr("LoadHigh pending->firing")));
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_EQ(gate_->waiting(), 1u);
  Run(*agent, 60, 9);
  EXPECT_THAT(Told(), ElementsAre(HasSubstr("LoadHigh firing held back until now: silenced by")));
  Run(*agent, 1, 1);
  EXPECT_THAT(Told(), Contains("LoadHigh resolved"));
}

TEST_F(HeldTest, WhatEndedMeanwhileIsNeverTold) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 1, 1);
  Silence("node=web1", 60'000);
  Run(*agent, 5, 9);
  Run(*agent, 70, 1);
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_THAT(AlertLog(), Contains(HasSubstr("LoadHigh firing->resolved")));
}

TEST_F(HeldTest, ARestartHoldsAndReleases) {
  auto agent = NewAgent();
  agent->Join("web1", 1);
  Run(*agent, 1, 1);
  Silence("node=web1", 60'000);
  Run(*agent, 5, 9);
  agent->Close();
  Open();
  EXPECT_EQ(gate_->waiting(), 1u);
  EXPECT_EQ(gate_->AllSilences().size(), 1u);
  auto again = NewAgent();
  again->Join("web1", 2);
  Run(*again, 30, 9);
  EXPECT_THAT(Told(), IsEmpty());
  Run(*again, 30, 9);
  EXPECT_THAT(Told(), testing::SizeIs(1));
  again->Close();
  Open();
  auto third = NewAgent();
  third->Join("web1", 3);
  Run(*third, 5, 9);
  EXPECT_THAT(Told(), testing::SizeIs(1)) << "told twice";
}

}  // namespace
}  // namespace ronda::ingest
