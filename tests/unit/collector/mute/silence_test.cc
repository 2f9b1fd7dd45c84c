#include "collector/mute/silence.h"

#include <gmock/gmock.h>

#include "collector/mute/matchers.h"
#include "collector/mute/silences.h"
#include "tests/support/status_matchers.h"

namespace ronda::mute {
namespace {

using testing::HasSubstr;

Silence Sample() {
  Silence silence;
  silence.id = "00000000-0000-4000-8000-000000000001";
  silence.matchers = *ParseMatchers({"node=~web.*", "severity!=critical"});
  silence.starts_ms = 1'000;
  silence.ends_ms = 2'000;
  silence.updated_ms = 900;
  silence.created_by = "local root (admin)";
  silence.comment = "disk\nswap";
  silence.maintenance = true;
  silence.name = "backup";
  silence.announce_ms = 500;
  return silence;
}

TEST(SilenceTest, ComesBackAsItWasStored) {
  const Silence silence = Sample();
  const std::string bytes = EncodeSilence(silence);
  ASSERT_OK_AND_ASSIGN(const Silence back, DecodeSilence(bytes));
  EXPECT_EQ(EncodeSilence(back), bytes);
  EXPECT_EQ(FormatMatchers(back.matchers), R"({node=~"web.*",severity!="critical"})");
  EXPECT_EQ(back.comment, silence.comment);
  EXPECT_TRUE(back.maintenance);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeSilence(bytes.substr(0, length)).ok()) << length;
  }
}

TEST(SilenceTest, ItsStateIsOneOfTime) {
  const Silence silence = Sample();
  EXPECT_EQ(silence.StateAt(999), SilenceState::kPending);
  EXPECT_EQ(silence.StateAt(1'000), SilenceState::kActive);
  EXPECT_EQ(silence.StateAt(1'999), SilenceState::kActive);
  EXPECT_EQ(silence.StateAt(2'000), SilenceState::kExpired);
}

TEST(SilenceTest, RefusesWhatCannotBeMeant) {
  const auto wrong = [](auto change) {
    Silence silence = Sample();
    change(silence);
    return std::string(Message(CheckSilence(silence, 900)));
  };
  EXPECT_EQ(wrong([](Silence&) {}), "");
  EXPECT_THAT(wrong([](Silence& s) { s.matchers.clear(); }), HasSubstr("at least one matcher"));
  EXPECT_THAT(wrong([](Silence& s) { s.ends_ms = s.starts_ms; }), HasSubstr("before end time"));
  EXPECT_THAT(wrong([](Silence& s) {
                s.starts_ms = 100;
                s.ends_ms = 899;
              }),
              HasSubstr("in the past"));
  EXPECT_THAT(wrong([](Silence& s) { s.ends_ms = s.starts_ms + kMaxSilenceMs + 1; }),
              HasSubstr("a year"));
  EXPECT_THAT(wrong([](Silence& s) { s.comment.assign(5000, 'x'); }), HasSubstr("4096"));
}

TEST(SilenceTest, IdsAreUuids) {
  const std::string id = NewSilenceId();
  EXPECT_TRUE(IsSilenceId(id)) << id;
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(id, NewSilenceId());
  EXPECT_TRUE(IsSilenceId(SilenceIdOf("backup")));
  EXPECT_EQ(SilenceIdOf("backup"), SilenceIdOf("backup"));
  EXPECT_NE(SilenceIdOf("backup"), SilenceIdOf("backup2"));
  EXPECT_FALSE(IsSilenceId("00000000-0000-4000-8000-00000000000"));
  EXPECT_FALSE(IsSilenceId("00000000-0000-4000-8000-00000000000g"));
  EXPECT_FALSE(IsSilenceId("000000000000-4000-8000-0000000000000"));
}

TEST(SilencesTest, FindsThoseThatMatchNow) {
  Silences silences;
  Silence web = Sample();
  web.matchers = *ParseMatchers({"node=web1"});
  Silence later = web;
  later.id = "00000000-0000-4000-8000-000000000002";
  later.starts_ms = 1'500;
  later.ends_ms = 3'000;
  silences.Put(web);
  silences.Put(later);
  const Labels labels(std::vector<Label>{{"node", "web1"}});
  EXPECT_EQ(silences.Matching(labels, 999).size(), 0u);
  EXPECT_EQ(silences.Matching(labels, 1'000).size(), 1u);
  EXPECT_EQ(silences.Matching(labels, 1'500).size(), 2u);
  EXPECT_EQ(silences.Matching(labels, 2'500).size(), 1u);
  EXPECT_EQ(silences.Matching(Labels(std::vector<Label>{{"node", "web2"}}), 1'500).size(), 0u);
  EXPECT_EQ(silences.NextChangeMs(0), 1'000);
  EXPECT_EQ(silences.NextChangeMs(1'000), 1'500);
  EXPECT_EQ(silences.NextChangeMs(3'000), INT64_MAX);
}

TEST(SilencesTest, FindsByTheBeginningOfAnIdIfItIsOne) {
  Silences silences;
  Silence silence = Sample();
  silence.id = "aaaa1111-0000-4000-8000-000000000001";
  silences.Put(silence);
  silence.id = "aaaa2222-0000-4000-8000-000000000001";
  silences.Put(silence);
  ASSERT_OK_AND_ASSIGN(const Silence found, silences.FindByPrefix("aaaa1"));
  EXPECT_EQ(found.id, "aaaa1111-0000-4000-8000-000000000001");
  EXPECT_THAT(silences.FindByPrefix("aaaa"),
              StatusIs(absl::StatusCode::kInvalidArgument, "more than one"));
  EXPECT_THAT(silences.FindByPrefix("aaa"), StatusIs(absl::StatusCode::kNotFound, "4 characters"));
  EXPECT_THAT(silences.FindByPrefix("bbbb"), StatusIs(absl::StatusCode::kNotFound, "no silence"));
}

}  // namespace
}  // namespace ronda::mute
