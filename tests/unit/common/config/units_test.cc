#include "common/config/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace ronda::config {
namespace {

constexpr int64_t kHour = 3'600'000;

TEST(UnitsTest, ReadsDurations) {
  const std::vector<std::pair<std::string, int64_t>> cases{{"0", 0},
                                                           {"0s", 0},
                                                           {"500ms", 500},
                                                           {"30s", 30'000},
                                                           {"5m", 300'000},
                                                           {"1h30m", 5'400'000},
                                                           {"28d", 672 * kHour},
                                                           {"2w", 336 * kHour},
                                                           {"1y", 8'760 * kHour},
                                                           {"1d1ms", 24 * kHour + 1}};
  for (const auto& [text, ms] : cases) {
    ASSERT_OK_AND_ASSIGN(const int64_t parsed, ParseDuration(text));
    EXPECT_EQ(parsed, ms) << text;
  }
}

TEST(UnitsTest, RefusesWhatIsNoDuration) {
  for (const char* text :
       {"", "30", "s", "-5s", "+5s", "1.5s", "5 m", "5m ", "1m1h", "5m5m", "5x", "1h30",
        "9223372036854775807s", "99999999999999999999ms", "300000000y"}) {
    EXPECT_THAT(ParseDuration(text), StatusIs(absl::StatusCode::kInvalidArgument, "a duration"))
        << text;
  }
}

TEST(UnitsTest, PrintsDurationsThatReadBack) {
  EXPECT_EQ(FormatDuration(0), "0s");
  EXPECT_EQ(FormatDuration(90'000), "1m30s");
  EXPECT_EQ(FormatDuration(672 * kHour), "28d");
  EXPECT_EQ(FormatDuration(8'760 * kHour), "1y");
  EXPECT_EQ(FormatDuration(50), "50ms");
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    const auto ms = static_cast<int64_t>(random() >> (1 + random() % 60));
    ASSERT_OK_AND_ASSIGN(const int64_t parsed, ParseDuration(FormatDuration(ms)));
    ASSERT_EQ(parsed, ms) << FormatDuration(ms);
  }
}

TEST(UnitsTest, ReadsAndPrintsSizes) {
  const std::vector<std::pair<std::string, int64_t>> cases{{"0", 0},
                                                           {"4096", 4096},
                                                           {"7B", 7},
                                                           {"64KiB", 65536},
                                                           {"256MiB", 256 << 20},
                                                           {"2GiB", 2LL << 30},
                                                           {"1TiB", 1LL << 40},
                                                           {"3kB", 3000},
                                                           {"3MB", 3'000'000},
                                                           {"1GB", 1'000'000'000}};
  for (const auto& [text, bytes] : cases) {
    ASSERT_OK_AND_ASSIGN(const int64_t parsed, ParseSize(text));
    EXPECT_EQ(parsed, bytes) << text;
    ASSERT_OK_AND_ASSIGN(const int64_t again, ParseSize(FormatSize(bytes)));
    EXPECT_EQ(again, bytes);
  }
  EXPECT_EQ(FormatSize(256 << 20), "256MiB");
  EXPECT_EQ(FormatSize(1000), "1000B");
  for (const char* text :
       {"", "MiB", "-1", "1.5GiB", "1 GiB", "1mib", "1K", "9999999TiB", "1GiB5MiB"}) {
    EXPECT_THAT(ParseSize(text), StatusIs(absl::StatusCode::kInvalidArgument, "a size")) << text;
  }
}

TEST(UnitsTest, CountsEdits) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("timeuot", "timeout"), 1u);
  EXPECT_EQ(EditDistance("same", "same"), 0u);
}

TEST(UnitsTest, FindsTheKeyThatWasMeantOrNone) {
  const std::vector<std::string> keys{"timeout", "interval", "connect_timeout", "name", "dsn"};
  EXPECT_EQ(Nearest("timout", keys), "timeout");
  EXPECT_EQ(Nearest("nmae", keys), "name");
  EXPECT_EQ(Nearest("connect-timeout", keys), "connect_timeout");
  EXPECT_EQ(Nearest("intervall", keys), "interval");
  EXPECT_EQ(Nearest("colour", keys), "");
  EXPECT_EQ(Nearest("x", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace ronda::config
