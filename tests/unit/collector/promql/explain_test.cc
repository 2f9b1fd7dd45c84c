#include "collector/promql/explain.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "collector/promql/parser.h"
#include "collector/promql/script/memory_series.h"
#include "tests/support/promql_generator.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

// Notes what is asked for.
class RecordingSeries : public MemorySeries {
 public:
  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const store::SeriesView&)> visit) const override {
    reads.push_back(Text(matchers, start_ms, end_ms));
    return MemorySeries::Select(matchers, start_ms, end_ms, visit);
  }
  static std::string Text(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms) {
    return FormatSelector(matchers) + " " + std::to_string(start_ms) + " " + std::to_string(end_ms);
  }

  mutable std::vector<std::string> reads;
};

TEST(ExplainTest, ShowsWhatIsReadAndHow) {
  ASSERT_OK_AND_ASSIGN(
      const ExprPtr expr,
      Parse("sum by (node) (rate(cpu_total{mode=\"idle\"}[5m] offset 1m)) / on (node) up > 0.5"));
  const QueryPlan plan = Explain(*expr, 1'000'000, 1'600'000, 60'000, {});
  EXPECT_EQ(plan.text,
            ">: series by series\n"
            "  0.5\n"
            "  /: collects both sides\n"
            "    sum by (node): folds series while they are read\n"
            "      rate: window 5m\n"
            "        read cpu_total{mode=\"idle\"} from 640.001 to 1540\n"
            "    read up from 700.001 to 1600\n");
  ASSERT_EQ(plan.reads.size(), 2U);
  EXPECT_EQ(plan.reads[0].start_ms, 640'001);
  EXPECT_EQ(plan.reads[0].end_ms, 1'540'000);
}

TEST(ExplainTest, PlansWhatTheEngineReads) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  RecordingSeries series;
  for (const GeneratedSeries& generated : GenerateSeries(random, 10'000, 80)) {
    for (const Sample& sample : generated.samples) {
      series.Add(generated.labels, sample.t_ms, sample.value);
    }
  }
  const Engine engine(series);
  PromqlGenerator generator(random, {.query_times = true});
  for (int i = 0; i < 500; ++i) {
    const std::string text = generator.Expression();
    SCOPED_TRACE(text);
    ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(text));
    series.reads.clear();
    if (!engine.Range(*expr, 300'000, 600'000, 25'000, {}).ok()) {
      continue;
    }
    std::vector<std::string> planned;
    for (const PlannedRead& read : Explain(*expr, 300'000, 600'000, 25'000, {}).reads) {
      planned.push_back(RecordingSeries::Text(read.matchers, read.start_ms, read.end_ms));
    }
    ASSERT_EQ(series.reads, planned);
  }
}

}  // namespace
}  // namespace ronda::promql
