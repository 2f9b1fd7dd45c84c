// Random expressions: a range query is at each step what an instant query at that time answers;
// what is printed is evaluated alike; a plain evaluator answers the same; and so do roll-ups.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "collector/promql/engine.h"
#include "collector/promql/parser.h"
#include "collector/promql/script/memory_series.h"
#include "collector/store/queryable_view.h"
#include "collector/store/rollup.h"
#include "tests/support/promql_generator.h"
#include "tests/support/promql_naive.h"
#include "tests/support/status_matchers.h"

namespace ronda::promql {
namespace {

uint64_t Seed() {
  const char* seed = std::getenv("RONDA_SEED");
  return seed != nullptr ? std::stoull(seed) : std::random_device{}();
}

int Rounds(int rounds) { return std::getenv("RONDA_LONG") != nullptr ? rounds * 20 : rounds; }

bool Near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) && std::isnan(b);
  }
  return a == b || std::fabs(a - b) <= 1e-9 * std::max({std::fabs(a), std::fabs(b), 1.0});
}

void Load(const std::vector<GeneratedSeries>& data, MemorySeries* series) {
  for (const GeneratedSeries& generated : data) {
    for (const Sample& sample : generated.samples) {
      series->Add(generated.labels, sample.t_ms, sample.value);
    }
  }
}

using Answer = std::map<Labels, double>;

Answer AtStep(const QueryResult& result, int64_t t_ms) {
  Answer answer;
  for (const Series& series : result.series) {
    for (size_t i = 0; i < series.t_ms.size(); ++i) {
      if (series.t_ms[i] == t_ms) {
        EXPECT_TRUE(answer.emplace(series.labels, series.values[i]).second);
      }
    }
  }
  return answer;
}

void ExpectSame(const Answer& a, const Answer& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    ASSERT_EQ(x->first.ToString(), y->first.ToString());
    ASSERT_TRUE(Near(x->second, y->second))
        << x->first.ToString() << " " << x->second << " " << y->second;
  }
}

// True if a range query failed because a step of it fails. One with a subquery may fail for times
// between the windows of its steps.
bool FailedAlike(const std::string& text, bool a_step_failed, const absl::Status& range) {
  return range.ok() != a_step_failed || (!range.ok() && text.find(")[") != std::string::npos);
}

class PromqlPropertyTest : public testing::TestWithParam<bool> {};

TEST_P(PromqlPropertyTest, RangeQueriesAreInstantQueriesAtEachStep) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "RONDA_SEED=" << seed);
  std::mt19937_64 random(seed);
  QueryOptions options;
  options.delayed_name_removal = GetParam();
  int values = 0;
  for (int round = 0; round < Rounds(6); ++round) {
    MemorySeries series;
    Load(GenerateSeries(random, 10'000, 80), &series);
    const Engine engine(series);
    PromqlGenerator generator(random, {});
    for (int i = 0; i < 150; ++i) {
      const std::string text = generator.Expression();
      SCOPED_TRACE(text);
      ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(text));
      ASSERT_OK_AND_ASSIGN(const ExprPtr printed, Parse(Format(*expr)));
      const int64_t start = static_cast<int64_t>(random() % 70) * 10'000 + (random() % 2) * 3'000;
      const int64_t step = static_cast<int64_t>(1 + random() % 12) * 7'500;
      const int64_t end = start + 6 * step;
      const auto range = engine.Range(*expr, start, end, step, options);
      bool failed = false;
      for (int64_t t = start; t <= end; t += step) {
        const auto instant = engine.Instant(*printed, t, options);
        failed = failed || !instant.ok();
        if (instant.ok() && range.ok()) {
          SCOPED_TRACE(t);
          ASSERT_NO_FATAL_FAILURE(ExpectSame(AtStep(*range, t), AtStep(*instant, t)));
          values += static_cast<int>(instant->series.size());
        }
      }
      EXPECT_TRUE(FailedAlike(text, failed, range.status())) << range.status();
    }
  }
  EXPECT_GT(values, 500);
}

// True for what makes a jump of the last bit of a sum, in which the two evaluators may differ.
bool IsFragile(const std::string& text) {
  const auto has_one = [&text](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&text](std::string_view word) {
      return text.find(word) != std::string::npos;
    });
  };
  return has_one({"deriv", "predict_linear", "std", "smoothing", "avg", "quantile", "rate",
                  "increase", "delta", "exp(", "^"}) &&
         has_one({"round", "ceil", "floor", "%", "==", "!=", ">", "<", "topk", "bottomk", "sgn",
                  "hour", "minute", "day_of", "month", "changes", "resets", "irate", "rate(("});
}

// `sums`: infinities and NaN make the one or the other of sums, by the way one adds up.
bool NearEnough(double a, double b, bool sums) {
  if (sums && !(std::isfinite(a) && std::isfinite(b))) {
    return true;
  }
  if (std::isnan(a) || std::isnan(b)) {
    return std::isnan(a) && std::isnan(b);
  }
  return a == b || std::fabs(a - b) <= 1e-6 * std::max({std::fabs(a), std::fabs(b), 1.0});
}

TEST(PromqlOracleTest, APlainEvaluatorAnswersTheSame) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "RONDA_SEED=" << seed);
  std::mt19937_64 random(seed);
  int values = 0;
  for (int round = 0; round < Rounds(4); ++round) {
    const std::vector<GeneratedSeries> data = GenerateSeries(random, 10'000, 80);
    MemorySeries series;
    Load(data, &series);
    const Engine engine(series);
    PromqlGenerator generator(random, {.query_times = true});
    for (int i = 0; i < 200; ++i) {
      const std::string text = generator.Expression();
      if (IsFragile(text) || text.find("smoothing") != std::string::npos) {
        continue;
      }
      SCOPED_TRACE(text);
      ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(text));
      const int64_t start = static_cast<int64_t>(random() % 60) * 10'000 + (random() % 2) * 3'000;
      const int64_t step = static_cast<int64_t>(1 + random() % 12) * 7'500;
      const int64_t end = start + 3 * step;
      const bool sums = text.find("deriv") != std::string::npos ||
                        text.find("predict") != std::string::npos ||
                        text.find("std") != std::string::npos;
      const NaivePromql naive(data, start, end);
      const auto range = engine.Range(*expr, start, end, step, {});
      bool failed = false;
      for (int64_t t = start; t <= end; t += step) {
        const auto expected = naive.Evaluate(*expr, t);
        failed = failed || !expected.has_value();
        if (!expected.has_value() || !range.ok()) {
          continue;
        }
        SCOPED_TRACE(t);
        const Answer got = AtStep(*range, t);
        ASSERT_EQ(got.size(), expected->size());
        for (auto x = got.begin(), y = expected->begin(); x != got.end(); ++x, ++y) {
          ASSERT_EQ(x->first.ToString(), y->first.ToString());
          ASSERT_TRUE(NearEnough(x->second, y->second, sums))
              << x->first.ToString() << " " << x->second << " " << y->second;
          ++values;
        }
      }
      EXPECT_TRUE(FailedAlike(text, failed, range.status())) << range.status();
    }
  }
  EXPECT_GT(values, 300);
}

// What is rolled up of the samples of a part of the time, as a store has it.
class RolledUp : public store::QueryableView {
 public:
  RolledUp(const store::Queryable& data, store::TimeRange cover)
      : QueryableView(data), cover_(cover) {}

  static bool IsCounter(const Labels& labels) { return labels.Get(kMetricName) == "c_total"; }

  absl::StatusOr<store::TimeRange> BucketsCover(const std::vector<Matcher>&,
                                                store::Resolution resolution, int64_t start_ms,
                                                int64_t end_ms) const override {
    const int64_t unit_ms = store::ResolutionMs(resolution);
    store::TimeRange range{std::max(start_ms, cover_.from_ms), std::min(end_ms, cover_.to_ms)};
    range.from_ms = (range.from_ms + unit_ms - 1) / unit_ms * unit_ms;
    range.to_ms = std::max(range.from_ms, range.to_ms / unit_ms * unit_ms);
    return range;
  }

  absl::Status SelectBuckets(
      const std::vector<Matcher>& matchers, store::Resolution resolution, int64_t start_ms,
      int64_t end_ms, absl::FunctionRef<bool(const store::BucketsView&)> visit) const override {
    const int64_t unit_ms = store::ResolutionMs(resolution);
    return data_.Select(matchers, start_ms - unit_ms, end_ms, [&](const store::SeriesView& view) {
      std::vector<store::Bucket> buckets =
          store::MakeBuckets(view.t_ms, view.values, unit_ms, IsCounter(view.labels));
      std::erase_if(buckets, [&](const store::Bucket& bucket) {
        return bucket.end_ms < start_ms || bucket.end_ms > end_ms;
      });
      MetricInfo metric;
      metric.name = view.labels.Get(kMetricName);
      metric.type = IsCounter(view.labels) ? MetricType::kCounter : MetricType::kGauge;
      return buckets.empty() || visit({view.labels, metric, buckets});
    });
  }

  std::vector<MetricInfo> Metrics() const override {
    return {{"c_total", MetricType::kCounter, "", ""}, {"g", MetricType::kGauge, "", ""}};
  }

 private:
  const store::TimeRange cover_;
};

TEST(PromqlRollupTest, RollUpsAnswerAsTheSamplesUnderThem) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(testing::Message() << "RONDA_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto minutes = [&random](uint64_t below) {
    return static_cast<int64_t>(random() % below) * store::kMinuteMs;
  };
  QueryOptions by_samples;
  by_samples.minutes_from_span_ms = by_samples.hours_from_span_ms = INT64_MAX;
  QueryOptions by_minutes = by_samples;
  by_minutes.minutes_from_span_ms = 0;
  int64_t buckets_read = 0;
  int values = 0;
  for (int round = 0; round < Rounds(6); ++round) {
    MemorySeries series;
    Load(GenerateSeries(random, 10'000, 160), &series);
    const int64_t from_ms = minutes(10);
    const RolledUp rolled_up(series, {from_ms, from_ms + minutes(30)});
    const Engine engine(rolled_up);
    PromqlGenerator generator(random, {});
    for (int i = 0; i < 150; ++i) {
      const std::string text = generator.Expression();
      if (IsFragile(text)) {
        continue;
      }
      SCOPED_TRACE(text);
      const int64_t start = minutes(20);
      const int64_t step = store::kMinuteMs + minutes(3);
      by_samples.delayed_name_removal = by_minutes.delayed_name_removal = random() % 2 == 0;
      const auto want = engine.Range(text, start, start + 6 * step, step, by_samples);
      const auto got = engine.Range(text, start, start + 6 * step, step, by_minutes);
      ASSERT_EQ(got.status(), want.status());
      if (!want.ok()) {
        continue;
      }
      EXPECT_EQ(want->stats.minutes_read, 0);
      EXPECT_EQ(got->infos, want->infos);
      EXPECT_EQ(got->warnings, want->warnings);
      for (int64_t t = start; t <= start + 6 * step; t += step) {
        SCOPED_TRACE(t);
        ASSERT_NO_FATAL_FAILURE(ExpectSame(AtStep(*got, t), AtStep(*want, t)));
        values += static_cast<int>(AtStep(*want, t).size());
      }
      buckets_read += got->stats.minutes_read;
    }
  }
  EXPECT_GT(buckets_read, 1000);
  EXPECT_GT(values, 500);
}

INSTANTIATE_TEST_SUITE_P(NameRemoval, PromqlPropertyTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "Delayed" : "AtOnce"; });

}  // namespace
}  // namespace ronda::promql
