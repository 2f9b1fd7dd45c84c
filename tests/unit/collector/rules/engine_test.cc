#include "collector/rules/engine.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "collector/rules/durable.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/rules/naive_model.h"

namespace ronda::rules {
namespace {

constexpr int64_t kBeginMs = 1'795'132'800'000;

RuleFile File(std::string_view yaml) {
  auto file = ParseRuleFile("test.yml", yaml);
  EXPECT_OK(file);
  return file.ok() ? *std::move(file) : RuleFile{};
}

std::shared_ptr<const Schema> SchemaOf(
    const std::vector<std::pair<std::string, std::string>>& series) {
  auto schema = std::make_shared<Schema>();
  for (const auto& [metric, label] : series) {
    schema->series.push_back({static_cast<uint32_t>(schema->metrics.size()), {}});
    schema->series.back().labels.Set("x", label);
    schema->metrics.push_back({metric, MetricType::kGauge, "", ""});
  }
  return schema;
}

// One source that is fed whole frames.
class Feeder {
 public:
  Feeder(uint64_t number, std::string node) : number_(number), node_(std::move(node)) {
    labels_ = Labels({{"node", node_}, {"job", "node"}, {"instance", node_}});
  }
  std::vector<Transition> Tick(Engine& engine, const std::shared_ptr<const Schema>& schema,
                               int64_t t_ms, const std::vector<double>& values) {
    std::vector<Transition> out;
    std::vector<uint32_t> changed;
    const bool all = schema != schema_;
    for (uint32_t i = 0; i < values.size() && !all; ++i) {
      if (std::bit_cast<uint64_t>(values[i]) != std::bit_cast<uint64_t>(last_[i])) {
        changed.push_back(i);
      }
    }
    engine.OnTick({number_, node_, labels_, schema, t_ms, values, changed, all, false}, &out);
    schema_ = schema;
    last_ = values;
    return out;
  }

 private:
  const uint64_t number_;
  const std::string node_;
  Labels labels_;
  std::shared_ptr<const Schema> schema_;
  std::vector<double> last_;
};

constexpr std::string_view kHot = "groups: [{name: g, rules: [{alert: Hot, expr: cpu > 80}]}]";

TEST(EngineTest, RefusesTheSameRuleInTwoFiles) {
  EXPECT_THAT(Engine::New({File(kHot), File(kHot)}),
              StatusIs(absl::StatusCode::kInvalidArgument, "another file has the rule \"Hot\""));
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  EXPECT_FALSE(engine->Reload({File(kHot), File(kHot)}).ok());
  EXPECT_EQ(engine->files()->size(), 1U);
}

TEST(EngineTest, FillsInTheWholeAlert) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(R"(
groups:
- name: g
  rules:
  - alert: Full
    expr: disk > 80
    labels: {severity: warning, where: '{{ $labels.x }} of {{ $labels.node }}'}
    annotations: {summary: '{{ $labels.x }} at {{ $value | printf "%.0f" }}%', ronda_clear: disk < 70}
)")}));
  Feeder feeder(1, "web1");
  const auto schema = SchemaOf({{"up", ""}, {"disk", "/"}});
  const auto out = feeder.Tick(*engine, schema, kBeginMs, {1, 91.4});
  ASSERT_EQ(out.size(), 1U);
  const Alert& alert = out[0].alert;
  EXPECT_EQ(alert.rule, "Full");
  EXPECT_EQ(alert.group, "g");
  EXPECT_EQ(alert.node, "web1");
  EXPECT_EQ(alert.labels.ToString(),
            "{alertname=\"Full\",instance=\"web1\",job=\"node\",node=\"web1\",severity=\"warning\","
            "where=\"/ of web1\",x=\"/\"}");
  EXPECT_EQ(alert.severity(), "warning");
  EXPECT_EQ(alert.annotations[1].value, "/ at 91%");
  EXPECT_EQ(alert.active_at_ms, kBeginMs);
  EXPECT_EQ(alert.fired_at_ms, kBeginMs);
  EXPECT_EQ(alert.changed_at_ms, kBeginMs);
  EXPECT_EQ(alert.value, 91.4);
  EXPECT_EQ(out[0].t_ms, kBeginMs);
  EXPECT_TRUE(out[0].notify);
  ASSERT_EQ(engine->Active().size(), 1U);
  EXPECT_EQ(engine->Active()[0], alert);
  const auto over = feeder.Tick(*engine, schema, kBeginMs + 1000, {1, 60});
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].value, 60);
  EXPECT_EQ(over[0].alert.fired_at_ms, kBeginMs);
  EXPECT_EQ(over[0].alert.annotations, alert.annotations);
}

TEST(EngineTest, AClockThatIsSetBackIsFollowedAfterAWhile) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  Feeder feeder(1, "web1");
  const auto schema = SchemaOf({{"up", ""}, {"cpu", ""}});
  EXPECT_EQ(feeder.Tick(*engine, schema, kBeginMs, {1, 90}).size(), 1U);
  const int64_t back_ms = kBeginMs - 3'600'000;
  for (int i = 0; i < kLateTicksUntilReset - 1; ++i) {
    EXPECT_TRUE(feeder.Tick(*engine, schema, back_ms + i * 1000, {1, 10}).empty());
  }
  const auto out = feeder.Tick(*engine, schema, back_ms + 60'000, {1, 10});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].alert.state, AlertState::kResolved);
  EXPECT_EQ(out[0].t_ms, kBeginMs) << "an alert may not end before it began";
  EXPECT_EQ(engine->counters().late_ticks, uint64_t{kLateTicksUntilReset - 1});
  EXPECT_EQ(feeder.Tick(*engine, schema, back_ms + 61'000, {1, 90}).size(), 1U);
}

TEST(EngineTest, ABackfillBesideTheLiveLaneIsIgnored) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  Feeder live(1, "web1");
  Feeder backfill(1, "web1");
  const auto schema = SchemaOf({{"up", ""}, {"cpu", ""}});
  EXPECT_EQ(live.Tick(*engine, schema, kBeginMs, {1, 90}).size(), 1U);
  for (int i = 1; i < 20; ++i) {
    for (int k = 0; k < 50; ++k) {
      EXPECT_TRUE(backfill.Tick(*engine, schema, kBeginMs - 900'000 + i * 50 + k, {1, 10}).empty());
    }
    EXPECT_TRUE(live.Tick(*engine, schema, kBeginMs + i * 1000, {1, 90}).empty());
  }
}

TEST(EngineTest, FramesThatDoNotFitTheirSchemaAreCounted) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  const Labels labels({{"node", "web1"}, {"job", "node"}});
  const auto schema = SchemaOf({{"up", ""}, {"cpu", ""}});
  std::vector<Transition> out;
  const std::vector<double> values = {1, 90};
  const std::vector<uint32_t> changed = {1, 7};
  engine->OnTick({1, "web1", labels, schema, 1, std::span(values).first(1), changed, true, false},
                 &out);
  EXPECT_EQ(engine->counters().bad_ticks, 1U);
  engine->OnTick({1, "web1", labels, schema, 1, values, changed, true, false}, &out);
  engine->OnTick({1, "web1", labels, schema, 2, values, changed, false, false}, &out);
  EXPECT_EQ(out.size(), 1U);
}

TEST(EngineTest, SourcesOfOneKindShareAPlan) {
  ASSERT_OK_AND_ASSIGN(
      auto engine,
      Engine::New({File("groups: [{name: g, rules: [{alert: A, expr: 'cpu{node!=\"web3\"} > 80'}, "
                        "{alert: B, expr: 'cpu{node=\"web3\",x=\"1\"} > 80'}]}]")}));
  const auto schema = SchemaOf({{"up", ""}, {"cpu", "1"}, {"cpu", "2"}});
  std::vector<std::string> raised;
  for (uint64_t i = 1; i <= 4; ++i) {
    Feeder feeder(i, fmt::format("web{}", i));
    for (const Transition& t : feeder.Tick(*engine, schema, kBeginMs, {1, 90, 90})) {
      raised.push_back(t.alert.node + t.alert.rule + std::string(t.alert.labels.Get("x")));
    }
  }
  EXPECT_EQ(raised, (std::vector<std::string>{"web1A1", "web1A2", "web2A1", "web2A2", "web3B1",
                                              "web4A1", "web4A2"}));
  EXPECT_EQ(engine->counters().plans_compiled, 2U);
  EXPECT_EQ(engine->counters().firing, 7U);
  EXPECT_EQ(engine->counters().sources, 4U);
}

TEST(EngineTest, ReadersAndReloadsBesideTicks) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      EXPECT_LE(engine->Active().size(), 1U);
      EXPECT_OK(engine->Reload({File(kHot)}));
    }
  });
  Feeder feeder(1, "web1");
  const auto schema = SchemaOf({{"up", ""}, {"cpu", ""}});
  size_t transitions = 0;
  for (int i = 0; i < 2000; ++i) {
    transitions += feeder.Tick(*engine, schema, kBeginMs + i, {1, i % 2 == 0 ? 90.0 : 10.0}).size();
  }
  stop = true;
  reader.join();
  EXPECT_EQ(transitions, 2000U);
}

// A node with many alerts whose schema changes, as when a disk is plugged in, or after a restart.
TEST(EngineTest, ManyAlertsMoveToAnotherSchemaTogether) {
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(kHot)}));
  constexpr int kSeries = 3000;
  std::vector<std::pair<std::string, std::string>> series = {{"up", ""}};
  for (int i = 0; i < kSeries; ++i) {
    series.emplace_back("cpu", fmt::format("{}", i));
  }
  Feeder feeder(1, "web1");
  std::vector<double> values(series.size(), 90);
  values[0] = 1;
  EXPECT_EQ(feeder.Tick(*engine, SchemaOf(series), kBeginMs, values).size(), size_t{kSeries});
  std::reverse(series.begin() + 1, series.end());
  series.pop_back();
  values.pop_back();
  const auto out = feeder.Tick(*engine, SchemaOf(series), kBeginMs + 1000, values);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].reason, "ended");
  EXPECT_EQ(out[0].alert.labels.Get("x"), "0");
  EXPECT_EQ(engine->counters().firing, size_t{kSeries - 1});
}

// Random frames, schema changes, silences and restarts against NaiveModel.
class RandomRun {
 public:
  explicit RandomRun(unsigned seed) : random_(seed), model_(Rules()) {
    for (const NaiveModel::Rule& rule : Rules()) {
      yaml_ += fmt::format(
          "  - alert: {}\n    expr: {} {} {}\n    for: {}ms\n    keep_firing_for: {}ms\n",
          rule.name, rule.metric, rule.op, rule.number, rule.for_ms, rule.keep_ms);
      if (rule.clear_below >= 0) {
        yaml_ += fmt::format("    annotations: {{ronda_clear: {} < {}}}\n", rule.metric,
                             rule.clear_below);
      }
    }
    Restart();
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      now_ms_ += 1000 * Pick(4);
      const auto dice = Pick(100);
      if (dice < 4) {
        Restart();
      } else if (dice < 8) {
        Silent();
      } else {
        Tick(Pick(3));
      }
      CompareActive();
    }
  }

  size_t transitions() const { return transitions_; }

 private:
  struct Source {
    std::string name, node;
    std::vector<std::pair<std::string, std::string>> series;
    std::shared_ptr<const Schema> schema;
    std::vector<double> values;
    int64_t last_ms = 0;
    bool fresh = true;
  };

  static std::vector<NaiveModel::Rule> Rules() {
    return {{"R0", "a", ">", 80, 0, 0, -1},      {"R1", "a", ">", 80, 5000, 0, -1},
            {"R2", "a", ">", 80, 0, 0, 72},      {"R3", "a", ">", 80, 3000, 4000, 72},
            {"R4", "b", "==", 0, 2000, 0, -1},   {"R5", "b", "!=", 50, 0, 3000, -1},
            {"R6", "b", "<", 60, 10'000, 0, -1}, {"R7", "up", "==", 0, 0, 0, -1},
            {"R8", "up", "==", 0, 4000, 0, -1}};
  }

  size_t Pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  void NewSeries(Source* source) {
    source->series.clear();
    if (Pick(10) != 0) {
      source->series.push_back({"up", ""});
    }
    for (const auto& [metric, label] :
         {std::pair("a", ""), std::pair("a", "1"), std::pair("a", "2"), std::pair("b", ""),
          std::pair("b", "1"), std::pair("c", "")}) {
      if (Pick(5) != 0) {
        source->series.push_back({metric, label});
      }
    }
    std::shuffle(source->series.begin(), source->series.end(), random_);
    source->schema = SchemaOf(source->series);
    source->values.assign(source->series.size(), 50);
    source->fresh = true;
  }

  double Value() {
    static const double kValues[] = {0, 50, 60, 71, 75, 85, 96, std::nan(""), StaleMarker(), 85};
    return kValues[Pick(std::size(kValues))];
  }

  void Tick(size_t which) {
    Source& source = sources_[which];
    if (source.schema == nullptr || Pick(20) == 0) {
      NewSeries(&source);
    }
    std::vector<uint32_t> changed;
    const bool down = Pick(8) == 0;
    for (uint32_t i = 0; i < source.values.size(); ++i) {
      const double before = source.values[i];
      if (source.series[i].first == "up") {
        source.values[i] = down ? 0 : 1;
      } else if (down && Pick(10) != 0) {
        source.values[i] = StaleMarker();
      } else if (Pick(3) == 0 || IsStale(before)) {
        source.values[i] = Value();
      }
      if (std::bit_cast<uint64_t>(before) != std::bit_cast<uint64_t>(source.values[i])) {
        changed.push_back(i);
      }
    }
    source.last_ms = now_ms_ = std::max(now_ms_, source.last_ms + 1000);
    const Labels labels({{"node", source.node}, {"job", source.name}, {"instance", source.name}});
    std::vector<Transition> out;
    engine_->OnTick({which + 1, source.node, labels, source.schema, now_ms_, source.values, changed,
                     source.fresh, false},
                    &out);
    source.fresh = false;
    std::vector<NaiveModel::Reading> readings;
    for (size_t i = 0; i < source.series.size(); ++i) {
      readings.push_back({source.series[i].first, source.series[i].second, source.values[i],
                          IsStale(source.values[i])});
    }
    Compare(out, model_.Tick(source.node, source.name, now_ms_, readings));
  }

  void Silent() {
    const std::string node = Pick(2) == 0 ? "n1" : "n2";
    std::vector<Transition> out;
    engine_->OnNodeSilent(node, now_ms_, &out);
    Compare(out, model_.Silent(node, now_ms_));
  }

  void Restart() {
    EngineOptions options;
    options.unknown_for_ms = options.unclaimed_for_ms = int64_t{1} << 50;
    ASSERT_OK_AND_ASSIGN(engine_,
                         Engine::New({File("groups:\n- name: g\n  rules:\n" + yaml_)}, options));
    std::vector<Alert> alerts;
    for (const auto& [key, bytes] : durable_) {
      ASSERT_OK_AND_ASSIGN(Alert alert, DecodeAlert(bytes));
      alerts.push_back(std::move(alert));
    }
    engine_->Restore(std::move(alerts));
    for (Source& source : sources_) {
      source.fresh = true;
    }
  }

  void Compare(const std::vector<Transition>& out, const std::vector<std::string>& expected) {
    std::vector<std::string> actual;
    for (const Transition& t : out) {
      std::vector<store::StateWrite> writes;
      std::vector<Record> records;
      AppendDurable(t, &writes, &records);
      for (const store::StateWrite& write : writes) {
        if (write.value) {
          durable_[write.key] = *write.value;
        } else {
          durable_.erase(write.key);
        }
      }
      if (t.from != t.alert.state) {
        ++transitions_;
        actual.push_back(fmt::format("{} {} {} {}->{}{}", t.alert.labels.Get("job"), t.alert.rule,
                                     t.alert.labels.Get("x"), ToString(t.from),
                                     ToString(t.alert.state), t.notify ? " notify" : ""));
      }
    }
    std::sort(actual.begin(), actual.end());
    EXPECT_EQ(actual, expected);
  }

  void CompareActive() {
    std::vector<std::string> actual;
    for (const Alert& alert : engine_->Active()) {
      actual.push_back(fmt::format("{} {} {} {}", alert.labels.Get("job"), alert.rule,
                                   alert.labels.Get("x"), ToString(alert.state)));
    }
    std::sort(actual.begin(), actual.end());
    EXPECT_EQ(actual, model_.Active());
  }

  std::mt19937 random_;
  NaiveModel model_;
  std::string yaml_;
  std::unique_ptr<Engine> engine_;
  std::vector<Source> sources_ = {{"host1", "n1", {}, nullptr, {}, 0, true},
                                  {"pg1", "n1", {}, nullptr, {}, 0, true},
                                  {"host2", "n2", {}, nullptr, {}, 0, true}};
  std::map<std::string, std::string> durable_;
  int64_t now_ms_ = kBeginMs;
  size_t transitions_ = 0;
};

TEST(EngineRandomTest, AgreesWithTheNaiveModel) {
  const unsigned first = std::random_device{}();
  for (unsigned seed = first; seed < first + 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomRun run(seed);
    run.Run(500);
    EXPECT_GT(run.transitions(), 300U);
  }
}

// 1,000 rules, 100 sources of 100 series. The figure is printed; what it must do is checked.
TEST(EngineCostTest, OneComparisonPerChangedValueAndRule) {
  std::string yaml = "groups:\n- name: g\n  rules:\n";
  std::vector<std::pair<std::string, std::string>> series = {{"up", ""}};
  for (int i = 0; i < 1000; ++i) {
    yaml += fmt::format("  - {{alert: R{}, expr: m{} > {}}}\n", i, i % 100, 1000 + i);
  }
  for (int i = 0; i < 100; ++i) {
    series.push_back({fmt::format("m{}", i), ""});
  }
  ASSERT_OK_AND_ASSIGN(auto engine, Engine::New({File(yaml)}));
  const auto schema = SchemaOf(series);
  std::vector<Labels> labels;
  for (int i = 0; i < 100; ++i) {
    const std::string node = fmt::format("n{}", i);
    labels.push_back(Labels({{"node", node}, {"job", "node"}, {"instance", node}}));
  }
  std::vector<double> values(101, 1);
  std::vector<uint32_t> changed;
  for (uint32_t i = 1; i <= 100; ++i) {
    changed.push_back(i);
  }
  std::vector<Transition> out;
  constexpr int kTicks = 50;
  auto begin = std::chrono::steady_clock::now();
  for (int tick = 0; tick <= kTicks; ++tick) {
    if (tick == 1) {
      begin = std::chrono::steady_clock::now();  // the first compiles
    }
    for (uint64_t source = 0; source < 100; ++source) {
      engine->OnTick({source + 1, labels[source].Get("node"), labels[source], schema,
                      kBeginMs + tick * 1000, values, changed, tick == 0, false},
                     &out);
    }
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(engine->counters().plans_compiled, 1U);
  EXPECT_EQ(engine->counters().comparisons, 100U * 1000 * (kTicks + 1));
  const double ns_per_value = took.count() / (100.0 * 100 * kTicks);
  RecordProperty("ns_per_changed_value", std::to_string(ns_per_value));
  fmt::print("[          ] {:.1f} ns per changed value with 10 rules each\n", ns_per_value);
}

}  // namespace
}  // namespace ronda::rules
