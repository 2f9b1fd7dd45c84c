#include "collector/rules/backtest/backtest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "collector/promql/script/memory_series.h"
#include "collector/rules/interval/group_state.h"
#include "collector/rules/unit_test/memory_host.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

constexpr int64_t kStart = 1'795'132'800'000;
constexpr int64_t kMinute = 60'000;

std::vector<std::string> Lines(const std::vector<Episode>& episodes) {
  std::vector<std::string> out;
  for (const Episode& episode : episodes) {
    out.push_back(
        fmt::format("{} {}-{}{} {}", episode.labels.Get("x"), (episode.from_ms - kStart) / kMinute,
                    (episode.to_ms - kStart) / kMinute, episode.lasts ? "+" : "", episode.value));
  }
  return out;
}

// Three days of random data: the back-test says what evaluation step by step says.
TEST(BacktestTest, SaysWhatEvaluationWouldHaveSaid) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("r.yml", R"(groups:
- name: g
  rules:
  - {record: r, expr: v}
  - {alert: High, expr: v > 80, for: 5m, labels: {s: c}}
  - {alert: Kept, expr: v * 1 > 90, keep_firing_for: 4m}
  - {alert: Wide, expr: v > 85, annotations: {ronda_clear: v < 60}}
  - {alert: Rate, expr: 'avg_over_time(v[10m]) > 75'}
- name: late
  query_offset: 3m
  interval: 2m
  rules:
  - {alert: Offset, expr: v > 80}
)"));
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto draw = [&random] { return std::uniform_real_distribution<>(0, 1)(random); };
  promql::MemorySeries data;
  const int64_t end_ms = kStart + 3 * 1440 * kMinute;
  for (const char* x : {"a", "b", "c"}) {
    double value = 50;
    bool there = true;
    for (int64_t t_ms = kStart; t_ms <= end_ms; t_ms += kMinute) {
      value = std::clamp(value + (draw() - 0.5) * 25, 0.0, 100.0);
      there = there ? draw() > 0.01 : draw() < 0.05;
      if (there) {
        data.Add(Labels::Of("v", {{"x", x}}), t_ms, value);
      }
    }
  }
  BacktestOptions options;
  options.start_ms = kStart;
  options.end_ms = end_ms;
  int64_t told = 0;
  ASSERT_OK_AND_ASSIGN(const std::vector<RuleBacktest> tests,
                       Backtest(file, data, options, [&told](int64_t done, int64_t all) {
                         EXPECT_LE(told, done);
                         EXPECT_LE(done, all);
                         told = done;
                         return true;
                       }));
  ASSERT_EQ(tests.size(), 5U);
  EXPECT_GT(told, 0);
  // In little room, too, and by any number of threads.
  BacktestOptions narrow = options;
  narrow.query.max_samples = 1000;
  for (const int threads : {1, 5}) {
    narrow.threads = threads;
    ASSERT_OK_AND_ASSIGN(const std::vector<RuleBacktest> again,
                         Backtest(file, data, narrow, [](int64_t, int64_t) { return true; }));
    for (size_t i = 0; i < tests.size(); ++i) {
      EXPECT_EQ(again[i].error, "");
      EXPECT_EQ(Lines(again[i].episodes), Lines(tests[i].episodes)) << tests[i].rule->name;
    }
  }
  size_t at = 0;
  for (const RuleGroup& group : file.groups) {
    promql::MemorySeries results;  // the rules read none of them
    MemoryHost host(results);
    const TextContext texts;
    const GroupState::Tools tools{data, host, texts, INT64_MAX, {}};
    GroupState state(file, group);
    std::map<std::string, std::vector<Episode>> episodes;
    std::map<Labels, Episode> open;
    for (int64_t t_ms = kStart; t_ms <= end_ms; t_ms += group.IntervalMs()) {
      state.Evaluate(t_ms, {}, tools, [](size_t) {});
      for (const Transition& transition : host.TakeTransitions()) {
        const Alert& alert = transition.alert;
        if (!transition.notify) {
          continue;
        }
        if (alert.state == AlertState::kFiring) {
          open[alert.labels] = {alert.labels, t_ms, 0, false, transition.value};
        } else {
          open[alert.labels].to_ms = t_ms;
          episodes[alert.rule].push_back(open[alert.labels]);
          open.erase(alert.labels);
        }
      }
    }
    for (auto& [labels, episode] : open) {
      episode.to_ms = end_ms;
      episode.lasts = true;
      episodes[std::string(labels.Get("alertname"))].push_back(episode);
    }
    for (const Rule& rule : group.rules) {
      if (rule.record) {
        continue;
      }
      std::vector<Episode>& expected = episodes[rule.name];
      std::sort(expected.begin(), expected.end(), [](const Episode& a, const Episode& b) {
        return a.from_ms != b.from_ms ? a.from_ms < b.from_ms : a.labels < b.labels;
      });
      EXPECT_EQ(tests[at].rule, &rule);
      EXPECT_EQ(tests[at].error, "");
      EXPECT_EQ(Lines(tests[at].episodes), Lines(expected)) << rule.name;
      EXPECT_GT(expected.size(), 3U) << rule.name;
      ++at;
    }
  }
}

TEST(BacktestTest, AnErrorIsOfItsRuleAloneAndProgressMayStopIt) {
  ASSERT_OK_AND_ASSIGN(const RuleFile file, ParseRuleFile("r.yml", R"--(groups:
- name: g
  rules:
  - {alert: Bad, expr: 'label_replace(v, "x", "same", "x", ".*") > 0'}
  - {alert: Good, expr: 'v > 0'}
)--"));
  promql::MemorySeries data;
  for (const char* x : {"a", "b"}) {
    data.Add(Labels::Of("v", {{"x", x}}), kStart, 1);
  }
  BacktestOptions options;
  options.start_ms = kStart;
  options.end_ms = kStart + 60 * kMinute;
  ASSERT_OK_AND_ASSIGN(const std::vector<RuleBacktest> tests,
                       Backtest(file, data, options, [](int64_t, int64_t) { return true; }));
  EXPECT_NE(tests[0].error, "");
  EXPECT_EQ(Lines(tests[1].episodes), std::vector<std::string>({"a 0-5 1", "b 0-5 1"}));
  EXPECT_THAT(Backtest(file, data, options, [](int64_t, int64_t) { return false; }),
              StatusIs(absl::StatusCode::kCancelled, "stopped"));
}

}  // namespace
}  // namespace ronda::rules
