#include "collector/rules/backtest/arrival_history.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "collector/promql/script/memory_series.h"
#include "collector/rules/backtest/backtest.h"
#include "collector/rules/engine.h"
#include "collector/rules/placement.h"
#include "collector/store/queryable_view.h"
#include "collector/store/rollup.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

constexpr int64_t kStart = 1'795'132'800'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

// Samples and, for a part of the time, roll-ups; counts the samples that are read.
class RolledUp : public store::QueryableView {
 public:
  RolledUp(const store::Queryable& data, store::TimeRange cover)
      : QueryableView(data), cover_(cover) {}

  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<bool(const store::SeriesView&)> visit) const override {
    return data_.Select(matchers, start_ms, end_ms, [&](const store::SeriesView& view) {
      read += view.t_ms.size();
      return visit(view);
    });
  }
  absl::StatusOr<store::TimeRange> BucketsCover(const std::vector<Matcher>&, store::Resolution,
                                                int64_t start_ms, int64_t end_ms) const override {
    constexpr int64_t kUnit = store::kMinuteMs;
    const int64_t from_ms = (std::max(start_ms, cover_.from_ms) + kUnit - 1) / kUnit * kUnit;
    return store::TimeRange{from_ms,
                            std::max(from_ms, std::min(end_ms, cover_.to_ms) / kUnit * kUnit)};
  }
  absl::Status SelectBuckets(
      const std::vector<Matcher>& matchers, store::Resolution, int64_t start_ms, int64_t end_ms,
      absl::FunctionRef<bool(const store::BucketsView&)> visit) const override {
    return data_.Select(
        matchers, start_ms - store::kMinuteMs, end_ms, [&](const store::SeriesView& view) {
          auto buckets = store::MakeBuckets(view.t_ms, view.values, store::kMinuteMs, false);
          std::erase_if(buckets, [&](const store::Bucket& bucket) {
            return bucket.end_ms < start_ms || bucket.end_ms > end_ms;
          });
          const MetricInfo metric{"v", MetricType::kGauge, "", ""};
          return buckets.empty() || visit({view.labels, metric, buckets});
        });
  }

  mutable size_t read = 0;

 private:
  const store::TimeRange cover_;
};

constexpr char kRules[] = R"(groups:
- name: g
  rules:
  - {alert: High, expr: v > 95, labels: {s: c}}
  - {alert: Held, expr: v >= 90, for: 45s}
  - {alert: Low, expr: v < 5, for: 10s, keep_firing_for: 2m}
  - {alert: Wide, expr: v > 90, for: 20s, annotations: {ronda_clear: v < 40}}
  - {alert: Same, expr: v == 50}
  - {alert: Other, expr: 'v{x="a"} != 50', for: 30s}
)";

std::vector<RuleFile> Files() {
  auto file = ParseRuleFile("r.yml", kRules);
  EXPECT_OK(file);
  std::vector<RuleFile> files;
  files.push_back(*std::move(file));
  PlaceRules(&files);
  return files;
}

std::vector<std::string> Lines(const std::vector<Episode>& episodes) {
  std::vector<std::string> out;
  for (const Episode& episode : episodes) {
    out.push_back(fmt::format("{} {}-{}{} {}", episode.labels.Get("x"), episode.from_ms - kStart,
                              episode.to_ms - kStart, episode.lasts ? "+" : "", episode.value));
  }
  return out;
}

// One node's source of three series, tick by tick; a value that is stale is none.
struct Feed {
  std::vector<int64_t> t_ms;
  std::vector<std::vector<double>> values;
};

// Two days, quiet for the most part, at the second of each node's phase; series end and come again.
Feed RandomFeed(std::mt19937* random) {
  const auto draw = [random] { return std::uniform_real_distribution<>(0, 1)(*random); };
  Feed feed;
  std::vector<double> level(3, 60);
  std::vector<bool> there(3, true);
  bool rough = false;
  for (int64_t t_ms = kStart + 347; t_ms < kStart + 2 * kDayMs; t_ms += 5000) {
    if (draw() < 0.001) {
      rough = !rough;
    }
    std::vector<double> values(3, StaleMarker());
    for (size_t i = 0; i < 3; ++i) {
      level[i] = rough ? std::clamp(level[i] + (draw() - 0.5) * 30, 0.0, 100.0)
                       : 50 + std::round(draw() * 20);
      there[i] = there[i] ? draw() > 0.0003 : draw() < 0.01;
      values[i] = there[i] ? std::round(level[i]) : StaleMarker();
    }
    feed.t_ms.push_back(t_ms);
    feed.values.push_back(values);
  }
  return feed;
}

// What the engine that runs on arrival says of the feed, by rule.
std::map<std::string, std::vector<Episode>> InOperation(const Feed& feed, int64_t end_ms) {
  auto engine = Engine::New(Files());
  EXPECT_OK(engine);
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"v", MetricType::kGauge, "", ""}, {"up", MetricType::kGauge, "", ""}};
  for (const char* x : {"a", "b", "c"}) {
    schema->series.push_back({0, Labels(std::vector<Label>{{"x", x}})});
  }
  schema->series.push_back({1, Labels()});
  const std::shared_ptr<const Schema> shared = schema;
  const Labels target(std::vector<Label>{{"node", "n"}});
  std::map<std::string, std::vector<Episode>> episodes;
  std::map<std::pair<std::string, Labels>, Episode> open;
  for (size_t i = 0; i < feed.t_ms.size(); ++i) {
    std::vector<double> values = feed.values[i];
    values.push_back(1);
    std::vector<Transition> transitions;
    (*engine)->OnTick({.source = 1,
                       .node = "n",
                       .target_labels = target,
                       .schema = shared,
                       .t_ms = feed.t_ms[i],
                       .values = values,
                       .changed = {},
                       .all_changed = true},
                      &transitions);
    for (const Transition& transition : transitions) {
      const std::pair key(transition.alert.rule, transition.alert.labels);
      if (transition.notify && transition.alert.state == AlertState::kFiring) {
        open[key] = {transition.alert.labels, transition.t_ms, 0, false, transition.value};
      } else if (transition.notify) {
        open[key].to_ms = transition.t_ms;
        episodes[key.first].push_back(open[key]);
        open.erase(key);
      }
    }
  }
  for (auto& [key, episode] : open) {
    episode.to_ms = end_ms;
    episode.lasts = true;
    episodes[key.first].push_back(episode);
  }
  for (auto& [rule, list] : episodes) {
    std::sort(list.begin(), list.end(), [](const Episode& a, const Episode& b) {
      return a.from_ms != b.from_ms ? a.from_ms < b.from_ms : a.labels < b.labels;
    });
  }
  return episodes;
}

promql::MemorySeries SeriesOf(const Feed& feed) {
  promql::MemorySeries data;
  const char* const names[] = {"a", "b", "c"};
  for (size_t s = 0; s < 3; ++s) {
    bool before = false;
    for (size_t i = 0; i < feed.t_ms.size(); ++i) {
      const double value = feed.values[i][s];
      if (!IsStale(value) || before) {
        data.Add(Labels::Of("v", {{"x", names[s]}, {"node", "n"}}), feed.t_ms[i], value);
      }
      before = !IsStale(value);
    }
  }
  return data;
}

// Random days: as the engine says of the same samples when they arrive, with roll-ups and without.
TEST(ArrivalHistoryTest, SaysWhatTheEngineWouldHaveSaid) {
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const Feed feed = RandomFeed(&random);
  const promql::MemorySeries samples = SeriesOf(feed);
  const std::vector<RuleFile> files = Files();
  BacktestOptions options;
  options.start_ms = kStart;
  options.end_ms = kStart + 2 * kDayMs;
  const auto expected = InOperation(feed, options.end_ms);
  const RolledUp none(samples, {0, 0});
  const RolledUp most(samples, {kStart + kHourMs, kStart + 40 * kHourMs});
  const RolledUp all(samples, {0, INT64_MAX});
  for (const RolledUp* data : {&none, &most, &all}) {
    ASSERT_OK_AND_ASSIGN(
        const std::vector<RuleBacktest> tests,
        Backtest(files.front(), *data, options, [](int64_t, int64_t) { return true; }));
    ASSERT_EQ(tests.size(), 6U);
    for (const RuleBacktest& test : tests) {
      ASSERT_TRUE(test.rule->on_arrival);
      const auto found = expected.find(test.rule->name);
      ASSERT_NE(found, expected.end()) << test.rule->name;
      EXPECT_EQ(Lines(test.episodes), Lines(found->second)) << test.rule->name;
    }
  }
}

// A rule that never comes near its threshold costs roll-ups alone.
TEST(ArrivalHistoryTest, ReadsNoSamplesWhereRollUpsSayThatAllIsQuiet) {
  promql::MemorySeries samples;
  for (int node = 0; node < 20; ++node) {
    const Labels labels = Labels::Of("v", {{"node", std::to_string(node)}});
    for (int64_t t_ms = kStart; t_ms < kStart + 2 * kDayMs; t_ms += 30'000) {
      const bool peak = node == 7 && t_ms == kStart + kDayMs + kHourMs;
      samples.Add(labels, t_ms, peak ? 99 : 50);
    }
  }
  const RolledUp data(samples, {0, INT64_MAX});
  const std::vector<RuleFile> files = Files();
  ArrivalHistory history(files.front().groups.front().rules.front(), data, 300'000);
  ASSERT_OK(history.Run(kStart, kStart + 2 * kDayMs - 1, [](int64_t) { return true; }));
  const std::vector<Episode> episodes = history.Finish(kStart + 2 * kDayMs);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].from_ms, kStart + kDayMs + kHourMs);
  EXPECT_EQ(episodes[0].to_ms, kStart + kDayMs + kHourMs + 30'000);
  // A day of one node, and of all of them what is in no roll-up: the first and the last sample.
  EXPECT_LE(data.read, 2880U + 40U);
}

// What the history does not have is false: five minutes after the last sample, as in a query.
TEST(ArrivalHistoryTest, AHoleEndsAnAlert) {
  promql::MemorySeries samples;
  const Labels labels = Labels::Of("v", {{"node", "n"}});
  for (const int64_t at_s : {0, 10, 20, 310, 900, 910, 100'000}) {
    samples.Add(labels, kStart + at_s * 1000, 99);
  }
  const std::vector<RuleFile> files = Files();
  BacktestOptions options;
  options.start_ms = kStart;
  options.end_ms = kStart + 2 * kDayMs;
  ASSERT_OK_AND_ASSIGN(
      const std::vector<RuleBacktest> tests,
      Backtest(files.front(), samples, options, [](int64_t, int64_t) { return true; }));
  EXPECT_EQ(
      Lines(tests[0].episodes),
      std::vector<std::string>({" 0-610000 99", " 900000-1210000 99", " 100000000-100300000 99"}));
}

}  // namespace
}  // namespace ronda::rules
