#include "tests/bench/scale_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "common/codec/schema_codec.h"
#include "tests/bench/node_stream.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

const HostCapture& Capture() {
  static const auto* const capture = new HostCapture(*LoadHostCapture(TestData("host_capture")));
  return *capture;
}

ScaleSet Make(const std::string& name) { return *MakeScaleSet(Capture(), name, 1, 1); }

// [tick][series]
std::vector<std::vector<double>> Take(const ScaleSet& set, int node, int ticks) {
  NodeStream stream(set, node);
  std::vector<std::vector<double>> out;
  for (int tick = 0; tick < ticks; ++tick) {
    const auto values = stream.Next();
    out.emplace_back(values.begin(), values.end());
  }
  return out;
}

double ChangedShare(const std::vector<std::vector<double>>& ticks) {
  int64_t changed = 0;
  for (size_t t = 1; t < ticks.size(); ++t) {
    for (size_t i = 0; i < ticks[t].size(); ++i) {
      changed += ticks[t][i] != ticks[t - 1][i] ? 1 : 0;
    }
  }
  return static_cast<double>(changed) /
         static_cast<double>((ticks.size() - 1) * ticks.front().size());
}

TEST(HostCaptureTest, CountsDigitsAfterThePoint) {
  EXPECT_EQ(DecimalsOf("17"), 0);
  EXPECT_EQ(DecimalsOf("0.25"), 2);
  EXPECT_EQ(DecimalsOf("3.6151e-05"), 9);
  EXPECT_EQ(DecimalsOf("1e-05"), 5);
  EXPECT_EQ(DecimalsOf("1.486129e+06"), 0);
  EXPECT_EQ(DecimalsOf("1.7951946920051532e+09"), 7);
}

TEST(HostCaptureTest, LeavesOutTicksWhoseScrapeFailed) {
  EXPECT_EQ(Capture().series.size(), 1061u);
  EXPECT_EQ(Capture().ticks, 598u);
  EXPECT_EQ(LoadHostCapture("/nonexistent").status().code(), absl::StatusCode::kNotFound);
}

TEST(ScaleSetTest, HasTheAgreedSizes) {
  EXPECT_EQ(Make("day").samples(), 1 * 507 * 86400);
  EXPECT_EQ(Make("fleet").samples(), 100 * 118 * 3600);
  EXPECT_EQ(Make("pg").samples(), 1 * 538 * 21600);
  EXPECT_EQ(MakeScaleSet(Capture(), "week", 1, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeScaleSet(Capture(), "day", 0.001, 1)->ticks, 86);
}

TEST(ScaleSetTest, SchemasAreValid) {
  for (const char* name : {"day", "fleet", "pg"}) {
    const ScaleSet set = Make(name);
    EXPECT_OK(codec::DecodeSchema(codec::EncodeSchema(*set.schema))) << name;
  }
}

TEST(ScaleSetTest, IsTheSameForASeedAndOtherForAnother) {
  const ScaleSet set = Make("fleet");
  EXPECT_EQ(Take(set, 3, 500), Take(set, 3, 500));
  EXPECT_NE(Take(set, 3, 500), Take(set, 4, 500));
  const ScaleSet other = *MakeScaleSet(Capture(), "fleet", 1, 2);
  EXPECT_NE(Take(set, 3, 500), Take(other, 3, 500));
}

// As much of it changes as of the capture: 22.9 % of day, 37.1 % of fleet, 5.8 % of pg.
TEST(ScaleSetTest, ChangesAsOftenAsTheCapture) {
  EXPECT_NEAR(ChangedShare(Take(Make("day"), 0, 20'000)), 0.229, 0.01);
  EXPECT_NEAR(ChangedShare(Take(Make("fleet"), 0, 20'000)), 0.371, 0.015);
  EXPECT_NEAR(ChangedShare(Take(Make("pg"), 0, 20'000)), 0.058, 0.006);
}

TEST(ScaleSetTest, CountersNeverFallAndGaugesStayAboveZero) {
  for (const char* name : {"day", "pg"}) {
    const ScaleSet set = Make(name);
    const auto ticks = Take(set, 0, 5'000);
    for (size_t t = 1; t < ticks.size(); ++t) {
      for (size_t i = 0; i < set.series(); ++i) {
        if (set.is_counter[i] != 0) {
          ASSERT_GE(ticks[t][i], ticks[t - 1][i]) << set.schema->metric_of(i).name << " " << t;
        }
        ASSERT_TRUE(std::isfinite(ticks[t][i]));
      }
    }
  }
  const ScaleSet fleet = Make("fleet");
  for (const auto& tick : Take(fleet, 7, 2'000)) {
    for (size_t i = 0; i < fleet.series(); ++i) {
      ASSERT_TRUE(tick[i] >= 0 || fleet.schema->metric_of(i).name == "node_timex_offset_seconds");
    }
  }
}

// CPU seconds stay hundredths, pages stay multiples of 4096 bytes.
TEST(ScaleSetTest, KeepsTheQuantumOfEachSeries) {
  const ScaleSet set = Make("fleet");
  const auto ticks = Take(set, 1, 2'000);
  int checked = 0;
  for (size_t i = 0; i < set.series(); ++i) {
    const std::string& name = set.schema->metric_of(i).name;
    const double unit = name == "node_cpu_seconds_total"      ? 0.01
                        : name == "node_memory_MemFree_bytes" ? 4096
                                                              : 0;
    for (size_t t = 0; unit != 0 && t < ticks.size(); ++t) {
      const double units = std::nearbyint(ticks[t][i] / unit);
      ASSERT_NEAR(ticks[t][i], units * unit, 1e-9 * std::abs(ticks[t][i])) << name << " " << t;
    }
    checked += unit != 0 ? 1 : 0;
  }
  EXPECT_EQ(checked, 17);
}

TEST(ScaleSetTest, RepeatsNoStretchVerbatim) {
  const ScaleSet set = Make("fleet");
  std::set<std::vector<double>> seen;
  const auto ticks = Take(set, 2, 5'000);
  for (const auto& tick : ticks) {
    seen.insert(tick);
  }
  EXPECT_EQ(seen.size(), ticks.size());
}

}  // namespace
}  // namespace ronda::bench
