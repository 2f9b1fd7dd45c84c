#include "collector/mute/cron.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace ronda::mute {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

int64_t At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << error;
  return absl::ToUnixMillis(time);
}

// The next time after `after`, in UTC.
std::string Next(const char* cron, const char* after, const char* zone = "UTC") {
  const auto parsed = Cron::Parse(cron);
  EXPECT_OK(parsed);
  const int64_t next = parsed->Next(At(after), Zone(zone));
  return next == INT64_MAX ? "never"
                           : absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(next),
                                              absl::UTCTimeZone());
}

TEST(CronTest, FindsTheNextTime) {
  EXPECT_EQ(Next("30 2 * * *", "2026-11-20T02:29:59Z"), "2026-11-20T02:30:00Z");
  EXPECT_EQ(Next("30 2 * * *", "2026-11-20T02:30:00Z"), "2026-11-21T02:30:00Z") << "after, not at";
  EXPECT_EQ(Next("*/15 * * * *", "2026-11-20T10:16:00Z"), "2026-11-20T10:30:00Z");
  EXPECT_EQ(Next("0 22 * * 5", "2026-11-20T00:00:00Z"), "2026-11-20T22:00:00Z") << "a Friday";
  EXPECT_EQ(Next("0 22 * * fri", "2026-11-20T22:00:00Z"), "2026-11-27T22:00:00Z");
  EXPECT_EQ(Next("0 0 * * 7", "2026-11-20T00:00:00Z"), "2026-11-22T00:00:00Z") << "Sunday";
  EXPECT_EQ(Next("0 0 1 jan *", "2026-11-20T00:00:00Z"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(Next("0 12 29 2 *", "2026-11-20T00:00:00Z"), "2028-02-29T12:00:00Z");
  EXPECT_EQ(Next("0 12 30 2 *", "2026-11-20T00:00:00Z"), "never");
  EXPECT_EQ(Next("5-20/10,40 9-10 * * *", "2026-11-20T09:15:00Z"), "2026-11-20T09:40:00Z");
  EXPECT_EQ(Next("5-20/10,40 9-10 * * *", "2026-11-20T10:40:00Z"), "2026-11-21T09:05:00Z");
}

TEST(CronTest, EitherOfTheTwoDaysWillDo) {
  EXPECT_EQ(Next("0 0 15 * mon", "2026-11-20T00:00:00Z"), "2026-11-23T00:00:00Z");
  EXPECT_EQ(Next("0 0 15 * mon", "2026-12-14T00:00:00Z"), "2026-12-15T00:00:00Z");
}

TEST(CronTest, GoesByTheClocksOfItsZone) {
  EXPECT_EQ(Next("0 2 * * *", "2026-11-20T00:00:00Z", "Asia/Jakarta"), "2026-11-20T19:00:00Z");
  // The clocks of Berlin go from 02:00 to 03:00 on 2026-03-29, and on 2026-10-25 from 03:00 to
  // 02:00.
  EXPECT_EQ(Next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(Next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"), "2026-03-30T00:30:00Z");
  EXPECT_EQ(Next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(Next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30:00Z")
      << "once, although the clocks show it twice";
}

TEST(CronTest, SaysWhichFieldIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"0 2 * *", "there are 4 fields"}, {"60 2 * * *", "minute: \"60\" is not one of 0 to 59"},
      {"0 24 * * *", "hour: \"24\""},    {"0 0 0 * *", "day: \"0\""},
      {"0 0 * 13 *", "month: \"13\""},   {"0 0 * * 8", "weekday: \"8\""},
      {"0 0 * * mo", "weekday: \"mo\""}, {"0 0 5-2 * *", "day: the range 5-2 goes backwards"},
      {"*/0 0 * * *", "minute: \"0\""},  {"1,,2 0 * * *", "minute: \"\""}};
  for (const auto& [text, what] : cases) {
    EXPECT_THAT(Cron::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument, what)) << text;
  }
}

}  // namespace
}  // namespace ronda::mute
