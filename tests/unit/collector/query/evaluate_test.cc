// Expressions over a store that has rolled up a part of its samples.
#include "collector/query/evaluate.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>

#include "collector/promql/parser.h"
#include "tests/unit/collector/store/store_fixture.h"

namespace ronda::query {
namespace {

class EvaluateTest : public store::StoreTest {
 protected:
  // Four hours of samples, of which the last minutes are not in level 1.
  void Fill() {
    options_.seal_after_ms = 1'000'000;
    Open();
    store::FrameMaker maker(1, {"host", "node", ""});
    maker.StartRun(schema_);
    AppendTicks(&maker, 1, 14'000);
    ASSERT_OK(store_->Flush(5000));
    clock_.Advance(3 * store::kHourMs);
    ASSERT_OK(store_->SealNow());
    ASSERT_OK(store_->CompactNow());
    store::FrameMaker more(1, {"host", "node", ""});
    more.StartRun(schema_);
    AppendTicks(&more, 14'001, 400);
    ASSERT_OK(store_->Flush(5000));
  }

  promql::QueryResult Ask(const std::string& expr, int64_t step_ms, bool from_roll_ups) {
    promql::QueryOptions options;
    options.hours_from_span_ms = options.minutes_from_span_ms =
        from_roll_ups ? 0 : std::numeric_limits<int64_t>::max();
    auto parsed = promql::Parse(expr);
    EXPECT_OK(parsed.status());
    auto answer =
        Evaluate(*store_, **parsed,
                 {store::kT0 + store::kHourMs, store::kT0 + 4 * store::kHourMs, step_ms}, options);
    EXPECT_OK(answer.status());
    return answer.ok() ? answer->result : promql::QueryResult();
  }

  static std::map<std::pair<Labels, int64_t>, double> Points(const promql::QueryResult& result) {
    std::map<std::pair<Labels, int64_t>, double> points;
    for (const promql::Series& series : result.series) {
      for (size_t i = 0; i < series.t_ms.size(); ++i) {
        points[{series.labels, series.t_ms[i]}] = series.values[i];
      }
    }
    return points;
  }
};

TEST_F(EvaluateTest, AnswersFromRollUpsAsFromSamples) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  for (const std::string expr : {"m1", "timestamp(m1 offset 2m)", "max_over_time(m1[5m])",
                                 "avg_over_time(m1[10m] offset 1m)", "delta(m1[1h])",
                                 "sum(count_over_time({__name__=~\"m.*\"}[1h]))",
                                 "min_over_time(m1[7m]) / max_over_time(m1[7m])"}) {
    for (const int64_t step_ms : {store::kMinuteMs, 7 * store::kMinuteMs, store::kHourMs}) {
      SCOPED_TRACE(expr + " each " + std::to_string(step_ms));
      const promql::QueryResult want = Ask(expr, step_ms, false);
      const promql::QueryResult got = Ask(expr, step_ms, true);
      EXPECT_EQ(want.stats.minutes_read + want.stats.hours_read, 0);
      EXPECT_GT(got.stats.minutes_read + got.stats.hours_read, 0);
      EXPECT_LT(got.stats.samples_read, want.stats.samples_read / 2);
      const auto points = Points(want);
      EXPECT_GT(points.size(), 3u);
      ASSERT_EQ(Points(got).size(), points.size());
      for (const auto& [at, value] : Points(got)) {
        ASSERT_TRUE(points.contains(at)) << at.first.ToString() << " " << at.second;
        EXPECT_DOUBLE_EQ(value, points.at(at)) << at.second;
      }
    }
  }
}

TEST_F(EvaluateTest, WindowsThatAreNoWholeMinutesAreAnsweredFromSamples) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  for (const std::string expr : {"max_over_time(m1[90s])", "max_over_time(m1[5m] offset 30s)",
                                 "quantile_over_time(0.5, m1[5m])", "changes(m1[5m])"}) {
    SCOPED_TRACE(expr);
    EXPECT_EQ(Ask(expr, store::kMinuteMs, true).stats.minutes_read, 0);
  }
  EXPECT_EQ(Ask("max_over_time(m1[5m])", 90'000, true).stats.minutes_read, 0);
}

}  // namespace
}  // namespace ronda::query
