#include "collector/sql/time_text.h"

#include <gtest/gtest.h>

#include "absl/time/time.h"

namespace ronda::sql {
namespace {

TEST(TimeTextTest, IsWhatSqliteWrites) {
  EXPECT_EQ(TimeText(0), "1970-01-01 00:00:00.000");
  EXPECT_EQ(TimeText(1'795'132'800'250), "2026-11-20 00:00:00.250");
  EXPECT_EQ(TimeText(kMaxTimeMs), "9999-12-31 23:59:59.999");
  EXPECT_EQ(TimeText(-5), TimeText(0));
}

TEST(TimeTextTest, AgreesWithTheCalendar) {
  for (int64_t t = 0; t < kMaxTimeMs; t += 987'654'321'123) {
    EXPECT_EQ(TimeText(t), absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::FromUnixMillis(t),
                                            absl::UTCTimeZone()));
  }
}

TEST(TimeTextTest, AnyTextIsABound) {
  EXPECT_EQ(FirstTimeNotBefore("2026-11-20"), 1'795'132'800'000);
  EXPECT_EQ(FirstTimeAfter("2026-11-20"), 1'795'132'800'000);
  EXPECT_EQ(FirstTimeNotBefore("2026-11-20 00:00:01"), 1'795'132'801'000);
  EXPECT_EQ(FirstTimeNotBefore("2026-11-20 00:00:00.250"), 1'795'132'800'250);
  EXPECT_EQ(FirstTimeAfter("2026-11-20 00:00:00.250"), 1'795'132'800'251);
  EXPECT_EQ(FirstTimeNotBefore(""), 0);
  EXPECT_EQ(FirstTimeNotBefore("zzz"), kMaxTimeMs + 1);
}

}  // namespace
}  // namespace ronda::sql
