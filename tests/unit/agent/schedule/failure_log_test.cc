#include "agent/schedule/failure_log.h"

#include "gtest/gtest.h"

namespace ronda::agent {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(FailureLog, WritesTheFirstFailureThenOneLineAMinuteAndTheRecovery) {
  FailureLog log("sampler x of host");
  const absl::Status bad = absl::InternalError("no");
  log.Report(absl::OkStatus(), 0);
  EXPECT_EQ(log.lines(), 0U);
  log.Report(bad, 1 * kSecond);
  EXPECT_EQ(log.lines(), 1U);
  for (int s = 2; s < 61; ++s) {
    log.Report(bad, s * kSecond);
  }
  EXPECT_EQ(log.lines(), 1U);
  log.Report(bad, 61 * kSecond);
  EXPECT_EQ(log.lines(), 2U);
  EXPECT_EQ(log.failures(), 61U);
  log.Report(absl::OkStatus(), 62 * kSecond);
  EXPECT_EQ(log.lines(), 3U);
  log.Report(absl::OkStatus(), 63 * kSecond);
  EXPECT_EQ(log.lines(), 3U);
  log.Report(bad, 64 * kSecond);
  EXPECT_EQ(log.lines(), 4U);
}

}  // namespace
}  // namespace ronda::agent
