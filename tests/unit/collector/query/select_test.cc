#include "collector/query/select.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda::query {
namespace {

constexpr int64_t kT = 1'795'132'800'000;

// Series in memory, in the order in which they were added.
class MemoryData : public store::Queryable {
 public:
  void Add(const Labels& labels, std::vector<Sample> samples) {
    series_.emplace_back(labels, std::move(samples));
  }

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const store::SeriesView&)> visit) const override {
    const MetricInfo metric{"m", MetricType::kGauge, "bytes", ""};
    for (const auto& [labels, samples] : series_) {
      std::vector<int64_t> t_ms;
      std::vector<double> values;
      for (const Sample& sample : samples) {
        if (sample.t_ms >= start_ms && sample.t_ms <= end_ms) {
          t_ms.push_back(sample.t_ms);
          values.push_back(sample.value);
        }
      }
      if (!t_ms.empty() && MatchesAll(labels, matchers)) {
        if (clock != nullptr) {
          clock->Advance(11'000);
        }
        if (!visit({labels, metric, t_ms, values})) {
          break;
        }
      }
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Labels>> Series(const std::vector<Matcher>&, int64_t,
                                             int64_t) const override {
    return std::vector<Labels>();
  }
  absl::StatusOr<std::vector<std::string>> LabelNames(const std::vector<Matcher>&, int64_t,
                                                      int64_t) const override {
    return std::vector<std::string>();
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view,
                                                       const std::vector<Matcher>&, int64_t,
                                                       int64_t) const override {
    return std::vector<std::string>();
  }
  std::vector<MetricInfo> Metrics() const override { return {}; }

  FakeClock* clock = nullptr;  // each series takes 11 s of it

 private:
  std::vector<std::pair<Labels, std::vector<Sample>>> series_;
};

class SelectTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<SeriesData>> Run(SelectSpec spec) {
    if (spec.matchers.empty()) {
      spec.matchers = {Matcher::Equal(std::string(kMetricName), "m")};
    }
    std::vector<SeriesData> result;
    RONDA_RETURN_IF_ERROR(SelectSeries(data_, clock_, limits_, spec, [&](SeriesData series) {
      result.push_back(std::move(series));
      return true;
    }));
    return result;
  }

  static SelectSpec Raw(int64_t start_ms, int64_t end_ms) {
    SelectSpec spec;
    spec.start_ms = start_ms;
    spec.end_ms = end_ms;
    return spec;
  }
  static SelectSpec At(int64_t t_ms) {
    SelectSpec spec;
    spec.end_ms = t_ms;
    spec.instant = true;
    return spec;
  }

  FakeClock clock_;
  Limits limits_;
  MemoryData data_;
};

using Times = std::vector<int64_t>;
using Values = std::vector<double>;

TEST_F(SelectTest, ARawWindowIsOpenAtItsBegin) {
  data_.Add(Labels::Of("m"), {{kT, 1}, {kT + 1, 2}, {kT + 2, 3}, {kT + 3, 4}});
  ASSERT_OK_AND_ASSIGN(const auto result, Run(Raw(kT, kT + 2)));
  ASSERT_EQ(result.size(), 1U);
  EXPECT_EQ(result[0].t_ms, (Times{kT + 1, kT + 2}));
  EXPECT_EQ(result[0].values, (Values{2, 3}));
  EXPECT_EQ(result[0].metric.unit, "bytes");
}

TEST_F(SelectTest, RawSamplesKeepTheMarker) {
  data_.Add(Labels::Of("m"), {{kT + 1, 2}, {kT + 2, StaleMarker()}});
  ASSERT_OK_AND_ASSIGN(const auto result, Run(Raw(kT, kT + 2)));
  ASSERT_EQ(result[0].values.size(), 2U);
  EXPECT_TRUE(IsStale(result[0].values[1]));
}

TEST_F(SelectTest, SeriesComeInTheOrderOfTheirLabels) {
  for (const char* node : {"c", "a", "b"}) {
    data_.Add(Labels::Of("m", {{"node", node}}), {{kT, 1}});
  }
  ASSERT_OK_AND_ASSIGN(const auto result, Run(At(kT)));
  ASSERT_EQ(result.size(), 3U);
  EXPECT_EQ(result[0].labels.Get("node"), "a");
  EXPECT_EQ(result[2].labels.Get("node"), "c");
}

TEST_F(SelectTest, AnInstantTakesTheNewestOfFiveMinutes) {
  data_.Add(Labels::Of("m", {{"a", "just in"}}), {{kT - 400'000, 7}, {kT - kLookbackMs + 1, 1}});
  data_.Add(Labels::Of("m", {{"b", "too old"}}), {{kT - kLookbackMs, 2}});
  data_.Add(Labels::Of("m", {{"c", "ended"}}), {{kT - 2, 3}, {kT - 1, StaleMarker()}});
  data_.Add(Labels::Of("m", {{"d", "later"}}), {{kT + 1, 4}});
  data_.Add(Labels::Of("m", {{"e", "now"}}), {{kT - 1, 5}, {kT, 6}});
  ASSERT_OK_AND_ASSIGN(const auto result, Run(At(kT)));
  ASSERT_EQ(result.size(), 2U);
  EXPECT_EQ(result[0].labels.Get("a"), "just in");
  EXPECT_EQ(result[0].t_ms, (Times{kT - kLookbackMs + 1}));
  EXPECT_EQ(result[1].values, (Values{6}));
}

TEST_F(SelectTest, StepsLookBackFromEachPoint) {
  data_.Add(Labels::Of("m"), {{kT - 1000, 1},
                              {kT + 9000, 2},
                              {kT + 20'000, 3},
                              {kT + 25'000, StaleMarker()},
                              {kT + 45'000, 4}});
  SelectSpec spec = Raw(kT, kT + 50'000);
  spec.step_ms = 10'000;
  ASSERT_OK_AND_ASSIGN(const auto result, Run(spec));
  ASSERT_EQ(result.size(), 1U);
  EXPECT_EQ(result[0].t_ms, (Times{kT, kT + 10'000, kT + 20'000, kT + 50'000}));
  EXPECT_EQ(result[0].values, (Values{1, 2, 3, 4}));
}

// Each point by the definition, one by one.
TEST_F(SelectTest, StepsAgreeWithInstantsAtEachPoint) {
  std::vector<Sample> samples;
  uint64_t random = 1;
  for (int64_t t = kT; t < kT + 3'600'000;) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    samples.push_back({t, random >> 60 == 0 ? StaleMarker() : static_cast<double>(t - kT)});
    t += random >> 59 == 1 ? 400'000 : static_cast<int64_t>(random >> 49);
  }
  data_.Add(Labels::Of("m"), samples);
  SelectSpec spec = Raw(kT, kT + 3'600'000);
  spec.step_ms = 7'000;
  ASSERT_OK_AND_ASSIGN(const auto stepped, Run(spec));
  ASSERT_EQ(stepped.size(), 1U);
  std::map<int64_t, double> by_point;
  for (size_t i = 0; i < stepped[0].t_ms.size(); ++i) {
    by_point[stepped[0].t_ms[i]] = stepped[0].values[i];
  }
  EXPECT_GT(by_point.size(), 100U);
  for (int64_t t = spec.start_ms; t <= spec.end_ms; t += spec.step_ms) {
    ASSERT_OK_AND_ASSIGN(const auto instant, Run(At(t)));
    ASSERT_EQ(by_point.count(t), instant.size()) << t - kT;
    if (!instant.empty()) {
      EXPECT_EQ(by_point[t], instant[0].values[0]) << t - kT;
    }
  }
}

TEST_F(SelectTest, LimitsAreNamed) {
  limits_.max_samples = 3;
  data_.Add(Labels::Of("m"), {{kT + 1, 1}, {kT + 2, 2}, {kT + 3, 3}, {kT + 4, 4}});
  EXPECT_OK(Run(Raw(kT, kT + 3)));
  EXPECT_THAT(Run(Raw(kT, kT + 4)),
              StatusIs(absl::StatusCode::kResourceExhausted, "the limit of 3 samples"));
  SelectSpec spec = Raw(kT, kT + 4);
  spec.step_ms = 1;
  EXPECT_THAT(Run(spec), StatusIs(absl::StatusCode::kResourceExhausted, "the limit of 3 samples"));
}

TEST_F(SelectTest, ALongQueryIsStopped) {
  for (int i = 0; i < 5; ++i) {
    data_.Add(Labels::Of("m", {{"i", std::to_string(i)}}), {{kT, 1}});
  }
  EXPECT_OK(Run(At(kT)));
  data_.clock = &clock_;
  EXPECT_THAT(Run(At(kT)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "longer than the limit of 30 s"));
}

TEST_F(SelectTest, RequestsThatMakeNoSenseAreRefused) {
  SelectSpec all = At(kT);
  all.matchers = {*Matcher::New(Matcher::Type::kRegex, "node", ".*")};
  EXPECT_THAT(Run(all), StatusIs(absl::StatusCode::kInvalidArgument, "match every series"));
  EXPECT_THAT(Run(Raw(kT, kT - 1)), StatusIs(absl::StatusCode::kInvalidArgument, "the window"));
  EXPECT_THAT(Run(Raw(-1, kT)), StatusIs(absl::StatusCode::kInvalidArgument, "the window"));
  EXPECT_THAT(Run(At(INT64_MAX)), StatusIs(absl::StatusCode::kInvalidArgument, "the window"));
  SelectSpec spec = Raw(kT, kT + 1);
  spec.step_ms = -1;
  EXPECT_THAT(Run(spec), StatusIs(absl::StatusCode::kInvalidArgument, "a step of -1 ms"));
}

}  // namespace
}  // namespace ronda::query
