#include "collector/admin/silencing.h"

#include <gmock/gmock.h>

#include <memory>

#include "collector/mute/matchers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::admin {
namespace {

using mute::Silence;
using mute::SilenceState;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int64_t kHour = 3'600'000;

class SilencingTest : public testing::Test {
 protected:
  void SetUp() override {
    store::Store::Options options;
    options.dir = dir_.File("data");
    options.commit_interval_ms = 1;
    ASSERT_OK_AND_ASSIGN(store_, store::Store::Open(options, clock_));
    ASSERT_OK_AND_ASSIGN(audit_, trust::Audit::Open(*store_, clock_));
    silencing_ = std::make_unique<Silencing>(gate_, *audit_, clock_);
  }
  Silence New(const std::string& matcher = "node=web1") {
    Silence silence;
    silence.matchers = *mute::ParseMatchers({matcher});
    silence.starts_ms = clock_.NowMs();
    silence.ends_ms = clock_.NowMs() + kHour;
    silence.comment = "disks";
    return silence;
  }
  std::vector<std::string> Stored(std::string_view space) {
    std::vector<std::string> values;
    EXPECT_OK(store_->ScanState(
        space, [&](std::string_view, std::string_view value) { values.emplace_back(value); }));
    return values;
  }
  SilenceState StateOf(const std::string& id) {
    return gate_.FindSilence(id)->StateAt(clock_.NowMs());
  }

  const trust::Actor actor_{"local root (admin)", "unix:"};
  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<trust::Audit> audit_;
  mute::Gate gate_{{}, clock_};
  std::unique_ptr<Silencing> silencing_;
};

TEST_F(SilencingTest, ANewOneIsDurableAndInTheAuditBeforeItCounts) {
  ASSERT_OK_AND_ASSIGN(const Silencing::Added added, silencing_->Put(New(), actor_));
  EXPECT_TRUE(mute::IsSilenceId(added.silence.id));
  EXPECT_EQ(added.matching, 0u);
  ASSERT_THAT(Stored(mute::kSilenceSpace), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const Silence stored, mute::DecodeSilence(Stored(mute::kSilenceSpace)[0]));
  EXPECT_EQ(stored.id, added.silence.id);
  ASSERT_THAT(Stored(trust::kAuditSpace), SizeIs(1));
  EXPECT_THAT(Stored(trust::kAuditSpace)[0],
              testing::AllOf(HasSubstr("local root (admin)"), HasSubstr(stored.id),
                             HasSubstr("disks"), HasSubstr("web1")));
  EXPECT_EQ(StateOf(stored.id), SilenceState::kActive);
}

TEST_F(SilencingTest, WhatIsRefusedLeavesNothing) {
  Silence silence = New();
  silence.ends_ms = silence.starts_ms;
  EXPECT_THAT(silencing_->Put(silence, actor_),
              StatusIs(absl::StatusCode::kInvalidArgument, "before end time"));
  silence = New();
  silence.id = "00000000-0000-4000-8000-000000000000";
  EXPECT_THAT(silencing_->Put(silence, actor_),
              StatusIs(absl::StatusCode::kNotFound, "no silence"));
  EXPECT_THAT(silencing_->Expire(silence.id, false, false, actor_),
              StatusIs(absl::StatusCode::kNotFound, "no silence"));
  EXPECT_THAT(Stored(mute::kSilenceSpace), SizeIs(0));
  EXPECT_THAT(Stored(trust::kAuditSpace), SizeIs(0));
}

TEST_F(SilencingTest, AStartInThePastIsNow) {
  Silence silence = New();
  silence.starts_ms = 0;
  ASSERT_OK_AND_ASSIGN(const Silencing::Added added, silencing_->Put(silence, actor_));
  EXPECT_EQ(added.silence.starts_ms, clock_.NowMs());
}

TEST_F(SilencingTest, IsChangedInPlaceWhereThePastStaysAsItWas) {
  ASSERT_OK_AND_ASSIGN(Silencing::Added added, silencing_->Put(New(), actor_));
  clock_.Advance(1'000);
  Silence longer = added.silence;
  longer.ends_ms += kHour;
  ASSERT_OK_AND_ASSIGN(const Silencing::Added again, silencing_->Put(longer, actor_));
  EXPECT_EQ(again.silence.id, added.silence.id);
  EXPECT_EQ(gate_.FindSilence(added.silence.id)->ends_ms, longer.ends_ms);

  Silence other = longer;
  other.matchers = *mute::ParseMatchers({"node=web2"});
  ASSERT_OK_AND_ASSIGN(const Silencing::Added made, silencing_->Put(other, actor_));
  EXPECT_NE(made.silence.id, added.silence.id);
  EXPECT_EQ(StateOf(added.silence.id), SilenceState::kExpired);
  EXPECT_EQ(StateOf(made.silence.id), SilenceState::kActive);
}

TEST_F(SilencingTest, EndsNowAndOneThatIsToComeNeverBegins) {
  ASSERT_OK_AND_ASSIGN(const Silencing::Added active, silencing_->Put(New(), actor_));
  Silence later = New();
  later.starts_ms += kHour;
  later.ends_ms += kHour;
  ASSERT_OK_AND_ASSIGN(const Silencing::Added pending, silencing_->Put(later, actor_));
  EXPECT_EQ(StateOf(pending.silence.id), SilenceState::kPending);
  clock_.Advance(1'000);
  for (const std::string& id : {active.silence.id, pending.silence.id}) {
    ASSERT_OK_AND_ASSIGN(const Silencing::Expired expired,
                         silencing_->Expire(id.substr(0, 8), true, false, actor_));
    EXPECT_FALSE(expired.was_over);
    EXPECT_EQ(StateOf(id), SilenceState::kExpired);
    ASSERT_OK_AND_ASSIGN(const Silencing::Expired again,
                         silencing_->Expire(id, false, false, actor_));
    EXPECT_TRUE(again.was_over);
  }
  EXPECT_THAT(Stored(trust::kAuditSpace), SizeIs(4));
}

TEST_F(SilencingTest, MaintenanceEndsOnlyWindows) {
  ASSERT_OK_AND_ASSIGN(const Silencing::Added added, silencing_->Put(New(), actor_));
  EXPECT_THAT(silencing_->Expire(added.silence.id, true, true, actor_),
              StatusIs(absl::StatusCode::kNotFound, "no maintenance window"));
}

}  // namespace
}  // namespace ronda::admin
