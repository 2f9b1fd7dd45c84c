#include "collector/promql/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "collector/promql/parser.h"
#include "collector/promql/script/memory_series.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// up{node="a"} 0, 1, 2 ... each 10 s; it ends after 100 s. up{node="b"} has one sample at 30 s.
class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    for (int i = 0; i <= 10; ++i) {
      series_.Add(Labels::Of("up", {{"node", "a"}}), i * 10'000, i);
    }
    series_.Add(Labels::Of("up", {{"node", "a"}}), 110'000, StaleMarker());
    series_.Add(Labels::Of("up", {{"node", "b"}}), 30'000, 7);
  }

  MemorySeries series_;
  Engine engine_{series_};
  QueryOptions options_;
};

TEST_F(EngineTest, TakesTheNewestSampleNoOlderThanTheLookback) {
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine_.Instant("up", 35'000, options_));
  ASSERT_EQ(result.type, ValueType::kVector);
  ASSERT_EQ(result.series.size(), 2U);
  EXPECT_EQ(result.series[0].labels.ToString(), "up{node=\"a\"}");
  EXPECT_THAT(result.series[0].t_ms, ElementsAre(35'000));
  EXPECT_THAT(result.series[0].values, ElementsAre(3));
  EXPECT_THAT(result.series[1].values, ElementsAre(7));
  EXPECT_EQ(result.stats.series_read, 2);
  EXPECT_EQ(result.stats.samples_read, 5);
}

TEST_F(EngineTest, LookbackIsOpenOnTheLeftAndEndsAtAMarker) {
  ASSERT_OK_AND_ASSIGN(const QueryResult result,
                       engine_.Range("up{node=\"b\"}", 20'000, 340'000, 10'000, options_));
  ASSERT_EQ(result.series.size(), 1U);
  EXPECT_EQ(result.series[0].t_ms.front(), 30'000);
  EXPECT_EQ(result.series[0].t_ms.back(), 320'000);  // 330 s is 5 min after the sample
  ASSERT_OK_AND_ASSIGN(const QueryResult ended,
                       engine_.Range("up{node=\"a\"}", 90'000, 200'000, 10'000, options_));
  EXPECT_THAT(ended.series[0].t_ms, ElementsAre(90'000, 100'000));
}

TEST_F(EngineTest, OffsetAndAtMoveTheTime) {
  ASSERT_OK_AND_ASSIGN(const QueryResult past,
                       engine_.Instant("up{node=\"a\"} offset 20s", 50'000, options_));
  EXPECT_THAT(past.series[0].values, ElementsAre(3));
  ASSERT_OK_AND_ASSIGN(const QueryResult future,
                       engine_.Instant("up{node=\"a\"} offset -20s", 50'000, options_));
  EXPECT_THAT(future.series[0].values, ElementsAre(7));
  ASSERT_OK_AND_ASSIGN(const QueryResult fixed, engine_.Range("up{node=\"a\"} @ end() offset 10s",
                                                              0, 60'000, 30'000, options_));
  EXPECT_THAT(fixed.series[0].values, ElementsAre(5, 5, 5));
}

TEST_F(EngineTest, RangeVectorsGiveTheSamplesAsTheyAre) {
  ASSERT_OK_AND_ASSIGN(const QueryResult result,
                       engine_.Instant("up{node=\"a\"}[20s]", 110'000, options_));
  EXPECT_EQ(result.type, ValueType::kMatrix);
  EXPECT_THAT(result.series[0].t_ms, ElementsAre(100'000));
  EXPECT_THAT(result.series[0].values, ElementsAre(10));
}

TEST_F(EngineTest, ScalarsAndStrings) {
  ASSERT_OK_AND_ASSIGN(const QueryResult scalar, engine_.Range("-3", 0, 20'000, 10'000, options_));
  EXPECT_EQ(scalar.type, ValueType::kMatrix);
  EXPECT_THAT(scalar.series[0].values, ElementsAre(-3, -3, -3));
  EXPECT_TRUE(scalar.series[0].labels.empty());
  ASSERT_OK_AND_ASSIGN(const QueryResult text, engine_.Instant("(\"a\")", 0, options_));
  EXPECT_EQ(text.type, ValueType::kString);
  EXPECT_EQ(text.text, "a");
  EXPECT_THAT(text.series, IsEmpty());
}

TEST_F(EngineTest, RefusesTimesAndTypesThatMakeNoSense) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(engine_.Range("up", 0, 10, 0, options_), StatusIs(kInvalid, "step"));
  EXPECT_THAT(engine_.Range("up", 10, 0, 1, options_), StatusIs(kInvalid, "end"));
  EXPECT_THAT(engine_.Range("up[5m]", 0, 10, 1, options_), StatusIs(kInvalid, "1:1: invalid"));
  EXPECT_THAT(engine_.Range("\"a\"", 0, 10, 1, options_), StatusIs(kInvalid, "1:1: invalid"));
  EXPECT_THAT(engine_.Instant("up{", 0, options_), StatusIs(kInvalid, "1:4:"));
  EXPECT_THAT(engine_.Instant("up", INT64_MAX, options_), StatusIs(kInvalid, "out of range"));
  EXPECT_THAT(engine_.Range("up", INT64_MIN, INT64_MAX, 1, options_),
              StatusIs(kInvalid, "out of range"));
}

TEST_F(EngineTest, LimitsEndAQueryAndAreNamed) {
  options_.max_samples = 3;
  EXPECT_THAT(engine_.Instant("up", 35'000, options_),
              StatusIs(absl::StatusCode::kResourceExhausted, "max_samples"));
  options_.max_samples = 0;
  options_.max_bytes = 100;
  EXPECT_THAT(engine_.Range("up", 0, 100'000, 1, options_),
              StatusIs(absl::StatusCode::kResourceExhausted, "max_bytes"));
  options_ = {};
  const std::atomic<bool> cancelled = true;
  options_.cancelled = &cancelled;
  EXPECT_THAT(engine_.Instant("up", 0, options_), StatusIs(absl::StatusCode::kCancelled, ""));
}

TEST_F(EngineTest, QueryBombsEndWithinTheirLimits) {
  options_.max_samples = 1'000'000;
  constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
  EXPECT_THAT(engine_.Instant("max_over_time(up[292y:1ms])", 35'000, options_),
              StatusIs(kExhausted, "max_samples"));
  EXPECT_THAT(engine_.Range("1", 0, 9'000'000'000'000'000, 1, options_),
              StatusIs(kExhausted, "max_samples"));
  EXPECT_THAT(engine_.Instant("sum_over_time(sum_over_time(sum_over_time(up[900s:1ms])[900s:1ms])"
                              "[900s:1ms])",
                              35'000, options_),
              StatusIs(kExhausted, "max_samples"));
  options_.max_samples = 0;
  options_.timeout_ms = 1;
  EXPECT_THAT(
      engine_.Range("quantile_over_time(0.5, (up * time())[3h:20ms])", 0, 100'000, 10, options_),
      StatusIs(absl::StatusCode::kDeadlineExceeded, "timeout 1 ms"));
}

TEST_F(EngineTest, SumsOfManySeriesHoldOneAtATime) {
  MemorySeries many;
  for (int i = 0; i < 500; ++i) {
    for (int t = 0; t <= 60; ++t) {
      many.Add(Labels::Of("m_total", {{"i", std::to_string(i)}}), t * 1000, t);
    }
  }
  const Engine engine(many);
  ASSERT_OK_AND_ASSIGN(const QueryResult result, engine.Range("sum(rate(m_total[10s]) * 2)", 20'000,
                                                              60'000, 1'000, options_));
  EXPECT_EQ(result.stats.series_read, 500);
  EXPECT_EQ(result.stats.samples_read, 500 * 50);
  EXPECT_LT(result.stats.peak_samples, 500);
  EXPECT_EQ(result.series[0].values, std::vector<double>(41, 1000));
}

TEST_F(EngineTest, TheLongestAndDeepestExpressionsAreEvaluated) {
  std::string chain = "up";
  for (int i = 0; i < kMaxOperators; ++i) {
    chain += i % 2 == 0 ? " + up" : " or up";
  }
  EXPECT_OK(engine_.Range(chain, 30'000, 60'000, 10'000, options_));
  std::string sums = "up";
  std::string subqueries = "up";
  for (int i = 0; i < kMaxDepth; ++i) {
    sums = "sum(" + sums + ")";
    subqueries = i < kMaxDepth / 2 ? "sum_over_time((" + subqueries + ")[1m:30s])" : subqueries;
  }
  EXPECT_OK(engine_.Range(sums, 30'000, 60'000, 10'000, options_));
  EXPECT_OK(engine_.Range(subqueries, 30'000, 60'000, 10'000, options_));
}

TEST_F(EngineTest, LongWindowsAddUpAsShortOnes) {
  MemorySeries long_one;
  double before = 0;
  std::vector<double> sums = {0};  // whole numbers: exact
  for (int t = 1; t <= 4000; ++t) {
    const double value = t == 3900 ? HUGE_VAL : static_cast<double>((t * 7919) % 1000);
    long_one.Add(Labels::Of("m"), t * 1000, value);
    before += value;
    sums.push_back(before);
  }
  const Engine engine(long_one);
  for (const int length : {511, 512, 700, 1500}) {
    const std::string window = "m[" + std::to_string(length) + "s]";
    ASSERT_OK_AND_ASSIGN(
        const QueryResult sum,
        engine.Range("sum_over_time(" + window + ")", 1'600'000, 3'890'000, 7'000, options_));
    ASSERT_OK_AND_ASSIGN(
        const QueryResult avg,
        engine.Range("avg_over_time(" + window + ")", 1'600'000, 3'890'000, 7'000, options_));
    for (size_t i = 0; i < sum.series[0].values.size(); ++i) {
      const auto end = static_cast<size_t>(sum.series[0].t_ms[i] / 1000);
      const double expected = sums[end] - sums[end - static_cast<size_t>(length)];
      ASSERT_EQ(sum.series[0].values[i], expected);
      ASSERT_DOUBLE_EQ(avg.series[0].values[i], expected / length);
    }
    ASSERT_OK_AND_ASSIGN(const QueryResult infinite,
                         engine.Instant("sum_over_time(" + window + ")", 3'950'000, options_));
    EXPECT_EQ(infinite.series[0].values[0], INFINITY);
  }
}

TEST_F(EngineTest, NamesGoAtOnceUnlessDelayed) {
  series_.Add(Labels::Of("down", {{"node", "a"}}), 30'000, 7);
  EXPECT_THAT(engine_.Instant("abs({node=\"a\"})", 35'000, options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "vector cannot contain metrics with the same labelset"));
  EXPECT_OK(engine_.Instant("sum by (node) ({node=\"a\"})", 35'000, options_));
  EXPECT_THAT(engine_.Instant("sum by (node) (abs({node=\"a\"}))", 35'000, options_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "same labelset"));
  options_.delayed_name_removal = true;
  EXPECT_OK(engine_.Instant("sum by (node) (abs({node=\"a\"}))", 35'000, options_));
}

TEST_F(EngineTest, FunctionsOfNativeHistogramsGiveNothingForFloats) {
  for (const std::string_view name : {"avg", "count", "sum", "stddev", "stdvar"}) {
    ASSERT_OK_AND_ASSIGN(
        const QueryResult result,
        engine_.Instant("histogram_" + std::string(name) + "(up)", 35'000, options_));
    EXPECT_THAT(result.series, IsEmpty());
  }
}

}  // namespace
}  // namespace ronda::promql
