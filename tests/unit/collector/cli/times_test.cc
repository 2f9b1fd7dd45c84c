#include "collector/cli/times.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace ronda::cli {
namespace {

constexpr int64_t kNow = 1'795'132'800'000;  // 2026-11-20T00:00:00Z

absl::TimeZone Jakarta() { return absl::FixedTimeZone(7 * 3600); }

int64_t Parsed(std::string_view text, absl::TimeZone zone = absl::UTCTimeZone()) {
  const absl::StatusOr<int64_t> t_ms = ParseTime(text, kNow, zone);
  EXPECT_OK(t_ms) << text;
  return t_ms.value_or(-1);
}

TEST(Times, EveryFormOfATime) {
  EXPECT_EQ(Parsed("now"), kNow);
  EXPECT_EQ(Parsed("-15m"), kNow - 900'000);
  EXPECT_EQ(Parsed("-1h30m"), kNow - 5'400'000);
  EXPECT_EQ(Parsed("-90"), kNow - 90'000);
  EXPECT_EQ(Parsed("2026-11-20"), kNow);
  EXPECT_EQ(Parsed("2026-11-20T10:00"), kNow + 36'000'000);
  EXPECT_EQ(Parsed("2026-11-20T10:00:01"), kNow + 36'001'000);
  EXPECT_EQ(Parsed("2026-11-20T10:00:01.25"), kNow + 36'001'250);
  EXPECT_EQ(Parsed("2026-11-20 10:00"), kNow + 36'000'000);
  EXPECT_EQ(Parsed("2026-11-20T10:00Z"), kNow + 36'000'000);
  EXPECT_EQ(Parsed("2026-11-20T10:00:00+07:00"), kNow + 10'800'000);
  EXPECT_EQ(Parsed("1795132800"), kNow);
  EXPECT_EQ(Parsed("1795132800.5"), kNow + 500);
}

TEST(Times, ATimeWithoutZoneIsInTheZoneAskedFor) {
  EXPECT_EQ(Parsed("2026-11-20T07:00", Jakarta()), kNow);
  EXPECT_EQ(Parsed("2026-11-20T00:00Z", Jakarta()), kNow);
}

TEST(Times, WhatIsNoTimeIsRefusedByName) {
  for (std::string_view bad : {"", "yesterday", "-", "-x", "2026-13-01", "2026-11-20T25:00",
                               "1e999", "nan", "999999999999999", "15m", "--15m"}) {
    EXPECT_THAT(ParseTime(bad, kNow, absl::UTCTimeZone()),
                StatusIs(absl::StatusCode::kInvalidArgument, "is not a time"))
        << bad;
  }
}

TEST(Times, Durations) {
  EXPECT_EQ(*ParseDuration("90s"), 90'000);
  EXPECT_EQ(*ParseDuration("1h30m"), 5'400'000);
  EXPECT_EQ(*ParseDuration("250ms"), 250);
  EXPECT_EQ(*ParseDuration("2d"), 172'800'000);
  EXPECT_EQ(*ParseDuration("5"), 5000);
  EXPECT_EQ(*ParseDuration("0.5"), 500);
  for (std::string_view bad : {"", "0", "0s", "-5s", "m", "5x", "1m1h", "1e30"}) {
    EXPECT_THAT(ParseDuration(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, "is not a duration"))
        << bad;
  }
}

struct Option {
  std::string WindowArgs::*member;
  std::string text;
};

absl::StatusOr<Window> WindowOf(const std::vector<Option>& options) {
  WindowArgs args;
  for (const Option& option : options) {
    args.*option.member = option.text;
  }
  return ParseWindow(args, kNow, absl::UTCTimeZone());
}

constexpr auto kSince = &WindowArgs::since;
constexpr auto kFrom = &WindowArgs::from;
constexpr auto kTo = &WindowArgs::to;
constexpr auto kAt = &WindowArgs::at;
constexpr auto kStep = &WindowArgs::step;

TEST(Times, WithoutOptionsTheWindowIsNow) {
  ASSERT_OK_AND_ASSIGN(const Window window, WindowOf({}));
  EXPECT_TRUE(window.instant);
  EXPECT_EQ(window.to_ms, kNow);
}

TEST(Times, SinceCountsBackFromTheEnd) {
  ASSERT_OK_AND_ASSIGN(Window window, WindowOf({{kSince, "1m"}}));
  EXPECT_FALSE(window.instant);
  EXPECT_EQ(window.from_ms, kNow - 60'000);
  EXPECT_EQ(window.to_ms, kNow);
  ASSERT_OK_AND_ASSIGN(window, WindowOf({{kSince, "-1m"}, {kTo, "-1h"}, {kStep, "5s"}}));
  EXPECT_EQ(window.to_ms, kNow - 3'600'000);
  EXPECT_EQ(window.from_ms, kNow - 3'660'000);
  EXPECT_EQ(window.step_ms, 5000);
}

TEST(Times, SinceBeginsAtAWholeStepOfMinutes) {
  ASSERT_OK_AND_ASSIGN(Window window, WindowOf({{kSince, "1d"}, {kStep, "7m"}}));
  EXPECT_EQ(window.from_ms % (7 * 60'000), 0);
  EXPECT_LE(window.from_ms, kNow - 86'400'000);
  EXPECT_GT(window.from_ms, kNow - 86'400'000 - 7 * 60'000);
  EXPECT_EQ(window.to_ms, kNow);
  ASSERT_OK_AND_ASSIGN(window, WindowOf({{kSince, "30d"}, {kStep, "1d"}}));
  EXPECT_EQ(window.from_ms, kNow - int64_t{30} * 86'400'000);
}

TEST(Times, AtIsAnInstant) {
  ASSERT_OK_AND_ASSIGN(const Window window, WindowOf({{kAt, "-15m"}}));
  EXPECT_TRUE(window.instant);
  EXPECT_EQ(window.to_ms, kNow - 900'000);
}

TEST(Times, OptionsThatExcludeEachOther) {
  EXPECT_THAT(WindowOf({{kSince, "1m"}, {kAt, "now"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "--at names one instant"));
  EXPECT_THAT(WindowOf({{kSince, "1m"}, {kFrom, "-1h"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "give one of them"));
  EXPECT_THAT(WindowOf({{kTo, "now"}}), StatusIs(absl::StatusCode::kInvalidArgument, "--from"));
  EXPECT_THAT(WindowOf({{kStep, "1s"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "--step needs a window"));
  EXPECT_THAT(WindowOf({{kFrom, "now"}, {kTo, "-1m"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "the window is empty"));
}

TEST(Times, Output) {
  EXPECT_EQ(FormatRfc3339(kNow + 5, absl::UTCTimeZone()), "2026-11-20T00:00:00.005Z");
  EXPECT_EQ(FormatRfc3339(kNow, Jakarta()), "2026-11-20T07:00:00.000+07:00");
  EXPECT_EQ(FormatInstant(kNow, absl::UTCTimeZone()), "2026-11-20 00:00:00");
  EXPECT_EQ(FormatInstant(kNow + 50, absl::UTCTimeZone()), "2026-11-20 00:00:00.050");
  EXPECT_EQ(FormatUnixSeconds(kNow), "1795132800");
  EXPECT_EQ(FormatUnixSeconds(kNow + 250), "1795132800.25");
  EXPECT_EQ(FormatUnixSeconds(100), "0.1");
}

TEST(Times, Zones) {
  EXPECT_OK(LoadZone(""));
  EXPECT_THAT(LoadZone("Mars/Olympus"),
              StatusIs(absl::StatusCode::kInvalidArgument, "Mars/Olympus"));
}

}  // namespace
}  // namespace ronda::cli
