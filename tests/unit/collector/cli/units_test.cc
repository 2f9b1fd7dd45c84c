#include "collector/cli/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ronda::cli {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Units, Bytes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.50 KiB");
  EXPECT_EQ(HumanBytes(4.2e9), "3.91 GiB");
  EXPECT_EQ(HumanBytes(-4.2e9), "-3.91 GiB");
  EXPECT_EQ(HumanBytes(1024.0 * 1024 - 1), "1.00 MiB");
  EXPECT_EQ(HumanBytes(kInf), "+Inf");
}

TEST(Units, Seconds) {
  EXPECT_EQ(HumanSeconds(0), "0 s");
  EXPECT_EQ(HumanSeconds(0.000012), "12 us");
  EXPECT_EQ(HumanSeconds(0.25), "250 ms");
  EXPECT_EQ(HumanSeconds(1.5), "1.50 s");
  EXPECT_EQ(HumanSeconds(90), "90 s");
  EXPECT_EQ(HumanSeconds(125), "2m 05s");
  EXPECT_EQ(HumanSeconds(7500), "2h 05m");
  EXPECT_EQ(HumanSeconds(276'000), "3d 4h");
  EXPECT_EQ(HumanSeconds(-7500), "-2h 05m");
  EXPECT_EQ(HumanSeconds(kInf), "+Inf s");
}

TEST(Units, Numbers) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1'234'567), "1,234,567");
  EXPECT_EQ(HumanCount(-123'456), "-123,456");
  EXPECT_EQ(HumanNumber(1'234'567), "1234567");
  EXPECT_EQ(HumanNumber(0.52134), "0.5213");
  EXPECT_EQ(HumanNumber(-0.0), "0");
  EXPECT_EQ(HumanNumber(std::nan("")), "NaN");
}

TEST(Units, TheMetricSaysWhichUnit) {
  EXPECT_EQ(HumanValue(4.2e9, {"node_memory_MemFree_bytes", MetricType::kGauge, "bytes", ""}),
            "3.91 GiB");
  EXPECT_EQ(HumanValue(12.345, {"ronda_cpu_usage_percent", MetricType::kGauge, "percent", ""}),
            "12.3 %");
  EXPECT_EQ(HumanValue(0.25, {"x_duration_seconds", MetricType::kGauge, "seconds", ""}), "250 ms");
  // A moment is no duration of 56 years.
  EXPECT_EQ(
      HumanValue(1'795'132'800, {"node_boot_time_seconds", MetricType::kGauge, "seconds", ""}),
      "1795132800");
  EXPECT_EQ(HumanValue(0.5, {"node_load1", MetricType::kGauge, "", ""}), "0.5");
}

}  // namespace
}  // namespace ronda::cli
