#include "collector/rules/interval/evaluator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "collector/promql/engine.h"
#include "collector/promql/script/script_series.h"
#include "collector/rules/durable.h"
#include "collector/rules/engine.h"
#include "collector/rules/unit_test/memory_host.h"
#include "common/model/sample.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda::rules {
namespace {

RuleFile File(const std::string& rules, const std::string& group = "interval: 10s") {
  auto file =
      ParseRuleFile("a.yml", fmt::format("groups:\n- name: g\n  {}\n  rules:\n{}", group, rules));
  EXPECT_OK(file);
  return file.ok() ? *std::move(file) : RuleFile{};
}

// An evaluator over series in memory, on a clock that tests move. Times are since the first
// evaluation.
class EvaluatorTest : public testing::Test {
 protected:
  void Use(const std::string& rules, const std::string& group = "interval: 10s") {
    Use(std::vector<RuleFile>{File(rules, group)});
  }
  void Use(std::vector<RuleFile> files) {
    evaluator_ = std::make_unique<Evaluator>(std::move(files), options_, host_, data_, clock_);
    // The next evaluation is at second 0.
    clock_.Advance(evaluator_->RunDue() - clock_.NowMs());
    start_ms_ = clock_.NowMs();
  }

  // A series of points from second 0 on, 10 s apart, as scripts write them.
  void Load(const std::string& text) {
    ASSERT_OK_AND_ASSIGN(const promql::ScriptSeries series, promql::ParseScriptSeries(text));
    for (size_t i = 0; i < series.points.size(); ++i) {
      if (series.points[i]) {
        data_.Add(series.labels, start_ms_ + static_cast<int64_t>(i) * 10'000, *series.points[i]);
      }
    }
  }

  // Evaluates at the second; "RULE{labels} from->to" of each transition, sorted.
  std::vector<std::string> At(int64_t second) {
    clock_.Advance(start_ms_ + second * 1000 - clock_.NowMs());
    evaluator_->RunDue();
    std::vector<std::string> out;
    for (const Transition& transition : host_.TakeTransitions()) {
      AppendDurable(transition, &writes_, &log_);
      if (transition.from == transition.alert.state) {
        continue;
      }
      Labels labels = transition.alert.labels;
      labels.Set("alertname", "");
      labels.Set(kMetricName, transition.alert.rule);
      out.push_back(fmt::format("{} {}->{}{}{}", labels.ToString(), ToString(transition.from),
                                ToString(transition.alert.state),
                                transition.notify ? " notify" : "",
                                transition.reason.empty() ? "" : " (" + transition.reason + ")"));
      EXPECT_EQ(transition.t_ms, start_ms_ + second * 1000);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // What is stored, as after a restart.
  std::vector<Alert> Stored() const {
    std::map<std::string, Alert> alerts;
    for (const store::StateWrite& write : writes_) {
      if (write.value) {
        alerts[write.key] = *DecodeAlert(*write.value);
      } else {
        alerts.erase(write.key);
      }
    }
    std::vector<Alert> out;
    for (auto& [key, alert] : alerts) {
      out.push_back(std::move(alert));
    }
    return out;
  }

  void Restart(const std::string& rules) {
    evaluator_ = std::make_unique<Evaluator>(std::vector<RuleFile>{File(rules)}, options_, host_,
                                             data_, clock_);
    evaluator_->Restore(Stored());
  }

  // "name{labels} value", sorted, at the second.
  std::vector<std::string> Ask(const std::string& expr, int64_t second) const {
    std::vector<std::string> out;
    const auto answer = promql::Engine(data_).Instant(expr, start_ms_ + second * 1000, {});
    EXPECT_OK(answer);
    for (const promql::Series& series : answer->series) {
      out.push_back(fmt::format("{} {}", series.labels.ToString(), series.values.front()));
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  using Lines = std::vector<std::string>;

  FakeClock clock_;
  int64_t start_ms_ = 0;
  EvaluatorOptions options_;
  promql::MemorySeries data_;
  MemoryHost host_{data_};
  std::unique_ptr<Evaluator> evaluator_;
  std::vector<store::StateWrite> writes_;
  std::vector<Record> log_;
};

TEST_F(EvaluatorTest, AlertsLiveAsInPrometheus) {
  Use(R"(
  - {alert: Busy, expr: 'sum by (job) (load) > 4', for: 20s, labels: {s: c}}
  - {alert: Now, expr: 'load * 2 > 10', keep_firing_for: 20s}
)");
  Load(R"(load{job="a",x="1"} 1 3 3 3 3 1 1 1 1 1)");
  Load(R"(load{job="a",x="2"} 1 3 6 3 3 1 1 1 1 1)");
  EXPECT_EQ(At(0), Lines());
  EXPECT_EQ(At(10), Lines({R"(Busy{job="a",s="c"} inactive->pending)"}));
  EXPECT_EQ(At(20), Lines({R"(Now{job="a",x="2"} inactive->firing notify)"}));
  EXPECT_EQ(Ask("ALERTS", 20),
            Lines({R"(ALERTS{alertname="Busy",alertstate="pending",job="a",s="c"} 1)",
                   R"(ALERTS{alertname="Now",alertstate="firing",job="a",x="2"} 1)"}));
  EXPECT_EQ(
      Ask("ALERTS_FOR_STATE - " + std::to_string(start_ms_ / 1000), 20),
      Lines({R"({alertname="Busy",job="a",s="c"} 10)", R"({alertname="Now",job="a",x="2"} 20)"}));
  EXPECT_EQ(At(30), Lines({R"(Busy{job="a",s="c"} pending->firing notify)"}));
  EXPECT_EQ(Ask("ALERTS{alertname=\"Busy\"}", 30),
            Lines({R"(ALERTS{alertname="Busy",alertstate="firing",job="a",s="c"} 1)"}));
  EXPECT_EQ(At(40), Lines());
  EXPECT_EQ(At(50), Lines({R"(Busy{job="a",s="c"} firing->resolved notify)",
                           R"(Now{job="a",x="2"} firing->resolved notify)"}));
  EXPECT_EQ(Ask("ALERTS or ALERTS_FOR_STATE", 50), Lines());
}

TEST_F(EvaluatorTest, RecordedSeriesAreThereForTheNextRule) {
  Use(R"(
  - {record: 'job:load:sum', expr: 'sum by (job) (load)', labels: {team: web}}
  - {record: 'job:load:double', expr: 'job:load:sum * 2'}
  - {alert: Busy, expr: 'job:load:double > 4'}
)");
  Load(R"(load{job="a",x="1"} 1 2 _ stale)");
  Load(R"(load{job="a",x="2"} 1 2 _ stale)");
  EXPECT_EQ(At(0), Lines());
  EXPECT_EQ(Ask(R"({__name__=~"job:.*"})", 0), Lines({R"(job:load:double{job="a",team="web"} 4)",
                                                      R"(job:load:sum{job="a",team="web"} 2)"}));
  EXPECT_EQ(At(10), Lines({R"(Busy{job="a",team="web"} inactive->firing notify)"}));
  At(20);
  EXPECT_EQ(At(30), Lines({R"(Busy{job="a",team="web"} firing->resolved notify)"}));
  EXPECT_EQ(Ask(R"({__name__=~"job:.*"})", 30), Lines());  // marked as ended
}

TEST_F(EvaluatorTest, TextsSeeTheSeriesAndAskQueries) {
  options_.texts.external_labels = Labels(std::vector<Label>{{"site", "jkt"}});
  Use(R"--(
  - alert: Busy
    expr: load > 4 or load > 4
    labels: {severity: '{{ if gt $value 8.0 }}critical{{ else }}warning{{ end }}', job: '-'}
    annotations:
      summary: '{{ $labels }} {{ $labels.__name__ }} {{ $labels.severity }} {{ $externalLabels.site }}'
      others: '{{ range query "count(load)" }}{{ .Value }}{{ end }} at {{ $value }}'
)--");
  Load(R"(load{job="a"} 5 6 9)");
  Load(R"(load{job="b"} 1 1 1)");
  EXPECT_EQ(At(0), Lines({R"(Busy{job="-",severity="warning"} inactive->firing notify)"}));
  std::vector<Alert> alerts = evaluator_->Active();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].annotations[0].value, "2 at 5");
  EXPECT_EQ(alerts[0].annotations[1].value, "map[__name__:load job:a] load  jkt");
  EXPECT_EQ(At(10), Lines());
  EXPECT_EQ(evaluator_->Active()[0].annotations[0].value, "2 at 6");
  EXPECT_EQ(evaluator_->Active()[0].value, 6);
  EXPECT_EQ(At(20), Lines({R"(Busy{job="-",severity="critical"} inactive->firing notify)",
                           R"(Busy{job="-",severity="warning"} firing->resolved notify)"}));
}

TEST_F(EvaluatorTest, ARecoveryExpressionHoldsAnAlert) {
  Use(R"(
  - alert: Busy
    expr: avg_over_time(n[30s]) > 4
    annotations: {ronda_clear: 'avg_over_time(n[30s]) < 2'}
)");
  Load(R"(n{a="b"} 9 9 3 3 3 0 0 0)");
  Load(R"(n{a="ends"} 9 9 stale)");
  EXPECT_EQ(At(0), Lines({R"(Busy{a="b"} inactive->firing notify)",
                          R"(Busy{a="ends"} inactive->firing notify)"}));
  EXPECT_EQ(At(30), Lines());
  EXPECT_EQ(At(40), Lines({R"(Busy{a="ends"} firing->resolved notify)"}));  // b is at 3
  EXPECT_EQ(At(50), Lines());                                               // 2
  EXPECT_EQ(At(60), Lines({R"(Busy{a="b"} firing->resolved notify)"}));
}

TEST_F(EvaluatorTest, MissingDataIsUnknownAndNotResolved) {
  host_.SetNode("web1", NodeCondition::kLive);
  host_.SetNode("pushed", NodeCondition::kPushed);
  Use(R"(
  - {alert: Busy, expr: load + 0 > 4}
  - {alert: Down, expr: 'max_over_time(up[5s]) == 0'}
  - {alert: Gone, expr: 'absent(load{node="web1"})'}
)");
  Load(R"(up{node="web1",job="n",instance="i"}    1 1 0 1 1 1 1)");
  Load(R"(load{node="web1",job="n",instance="i"}  5 5 stale 5 stale)");
  Load(R"(load{node="pushed",job="n"}             5 5 stale)");
  Load(R"(up{node="pushed",job="n"}               1 1 0 0 0 0 0 0)");
  const std::string web1 = R"(Busy{instance="i",job="n",node="web1"})";
  const std::string pushed = R"(Busy{job="n",node="pushed"})";
  EXPECT_EQ(At(0), Lines({web1 + " inactive->firing notify", pushed + " inactive->firing notify"}));
  EXPECT_EQ(At(10), Lines());
  EXPECT_EQ(At(20),
            Lines({web1 + " firing->unknown (source failing)", pushed + " firing->resolved notify",
                   R"(Down{instance="i",job="n",node="web1"} inactive->firing notify)",
                   R"(Down{job="n",node="pushed"} inactive->firing notify)",
                   R"(Gone{node="web1"} inactive->firing notify)"}));
  EXPECT_EQ(
      Ask(R"(ALERTS{alertname="Busy"})", 20),
      Lines(
          {R"(ALERTS{alertname="Busy",alertstate="firing",instance="i",job="n",node="web1"} 1)"}));
  EXPECT_EQ(At(30), Lines({web1 + " unknown->firing",
                           R"(Down{instance="i",job="n",node="web1"} firing->resolved notify)",
                           R"(Gone{node="web1"} firing->resolved notify)"}));
  // Ended, from a source that is up.
  EXPECT_EQ(At(40), Lines({web1 + " firing->resolved notify",
                           R"(Gone{node="web1"} inactive->firing notify)"}));
}

TEST_F(EvaluatorTest, ASilentNodesAlertsAreUnknownUntilItIsBack) {
  host_.SetNode("web1", NodeCondition::kLive);
  Use(R"(
  - {alert: Busy, expr: 'avg_over_time(load[1m]) > 4'}
  - {alert: Later, expr: 'avg_over_time(load[1m]) > 5'}
)");
  Load(R"(load{node="web1"} 5 9 9 9 9 9 9)");
  EXPECT_EQ(At(0), Lines({R"(Busy{node="web1"} inactive->firing notify)"}));
  host_.SetNode("web1", NodeCondition::kSilent);
  EXPECT_EQ(At(10), Lines({R"(Busy{node="web1"} firing->unknown (node silent))"}));
  EXPECT_EQ(At(20), Lines());
  host_.SetNode("web1", NodeCondition::kLive);
  EXPECT_EQ(At(30), Lines({R"(Busy{node="web1"} unknown->firing)",
                           R"(Later{node="web1"} inactive->firing notify)"}));
  host_.SetNode("web1", NodeCondition::kRetired);
  EXPECT_EQ(At(40), Lines({R"(Busy{node="web1"} firing->resolved notify (node retired))",
                           R"(Later{node="web1"} firing->resolved notify (node retired))"}));
  EXPECT_EQ(At(50), Lines());
}

TEST_F(EvaluatorTest, ARestartNeitherRepeatsNorForgets) {
  const std::string rules = R"(
  - {alert: Busy, expr: 'load * 1 > 4', for: 30s}
  - {alert: Hot, expr: 'heat * 1 > 4'}
)";
  Use(rules);
  Load(R"(load{a="b"} 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5)");
  Load(R"(heat{a="b"} 5 5 5 1 1 1 1 1)");
  EXPECT_EQ(At(0),
            Lines({R"(Busy{a="b"} inactive->pending)", R"(Hot{a="b"} inactive->firing notify)"}));
  At(10);
  Restart(rules);
  EXPECT_EQ(At(20), Lines());
  EXPECT_EQ(evaluator_->Active().size(), 2U);
  Restart(rules);
  EXPECT_EQ(At(30), Lines({R"(Busy{a="b"} pending->firing notify)",
                           R"(Hot{a="b"} firing->resolved notify)"}));
  EXPECT_EQ(Ask(R"(ALERTS{alertname="Hot"})", 30), Lines());
  // Another rule in place of Busy.
  Restart("  - {alert: Other, expr: 'load * 1 > 100'}\n");
  EXPECT_EQ(At(40), Lines({R"(Busy{a="b"} firing->resolved notify (rule removed or changed))"}));
  EXPECT_EQ(Ask("ALERTS", 40), Lines());
  EXPECT_EQ(Stored().size(), 0U);
}

// Nobody looked for longer than `for`: the expression may have been false meanwhile.
TEST_F(EvaluatorTest, ForStartsAnewAfterALongStop) {
  const std::string rules = "  - {alert: Busy, expr: 'load * 1 > 4', for: 30s}\n";
  Use(rules);
  Load(R"(load{a="b"} 5x30)");
  EXPECT_EQ(At(0), Lines({R"(Busy{a="b"} inactive->pending)"}));
  Restart(rules);
  EXPECT_EQ(At(60), Lines());
  EXPECT_EQ(At(80), Lines());
  EXPECT_EQ(At(90), Lines({R"(Busy{a="b"} pending->firing notify)"}));
}

TEST_F(EvaluatorTest, AFailedQueryNeitherFiresNorResolves) {
  Use(R"--(
  - {alert: Busy, expr: 'label_replace(load > 4, "x", "$1", "y", "(.*)")'}
  - {record: 'same', expr: 'sum without (y) (load) or load'}
)--",
      "interval: 10s\n  limit: 3");
  Load(R"(load{x="1",y="a"} 5 5 1 1)");
  EXPECT_EQ(At(0), Lines({R"(Busy{x="a",y="a"} inactive->firing notify)"}));
  Load(R"(load{x="2",y="a"} _ 5 1 1)");
  EXPECT_EQ(At(10), Lines());
  std::vector<GroupReport> reports = evaluator_->Reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_NE(reports[0].health.rules[0].error, "");
  EXPECT_NE(reports[0].health.rules[1].error.find("exceeded limit of 3 with 4 series"),
            std::string::npos)
      << reports[0].health.rules[1].error;
  EXPECT_EQ(evaluator_->Active().size(), 1U);
  EXPECT_EQ(At(20), Lines({R"(Busy{x="a",y="a"} firing->resolved notify)"}));
  EXPECT_EQ(evaluator_->Reports()[0].health.rules[0].error, "");
  EXPECT_EQ(evaluator_->counters().failures, 3);
}

TEST_F(EvaluatorTest, LateEvaluationsAreMissedAndCounted) {
  Use("  - {record: 'r', expr: 'time()'}\n");
  At(0);
  At(35);
  EXPECT_EQ(evaluator_->counters().missed, 2);
  EXPECT_EQ(Ask(fmt::format("round(r * 1000 - {})", start_ms_), 35), Lines({"{} 30000"}));
  // The clock is set back by an hour: evaluations go on there.
  start_ms_ -= 3'600'000;
  At(40);
  At(50);
  EXPECT_EQ(evaluator_->counters().evaluations, 3);
}

TEST_F(EvaluatorTest, AQueryOffsetLooksBack) {
  Use("  - {record: 'r', expr: 'load'}\n", "interval: 10s\n  query_offset: 20s");
  Load("load 1 2 3 4");
  At(30);
  EXPECT_EQ(Ask("r", 30), Lines({"r 2"}));
}

// Samples that others push never arrive by the rules: thresholds look for them at the interval.
TEST_F(EvaluatorTest, ThresholdsSeeNodesWithoutAnAgent) {
  host_.SetNode("web1", NodeCondition::kLive);
  host_.SetNode("a.b", NodeCondition::kPushed);
  Use("  - {alert: Busy, expr: 'load > 4'}\n");
  Load(R"(load{node="web1"} 5 5 5)");
  Load(R"(load{node="a.b"} 5 5 1)");
  Load(R"(load{node="acb"} 5 5 5)");
  EXPECT_EQ(At(0), Lines({R"(Busy{node="a.b"} inactive->firing notify)"}));
  Restart("  - {alert: Busy, expr: 'load > 4'}\n");
  EXPECT_EQ(At(10), Lines());
  EXPECT_EQ(At(20), Lines({R"(Busy{node="a.b"} firing->resolved notify)"}));
}

// Beside what an agent sends, too, and over a restart and a reload.
TEST_F(EvaluatorTest, ThresholdsSeeWhatIsPushedBesideAnAgent) {
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"load", MetricType::kGauge, "", ""}};
  schema->series = {{0, Labels()}, {0, Labels(std::vector<Label>{{"x", "1"}})}};
  host_.SetNode("web1", NodeCondition::kLive);
  host_.PushBeside("web1", {{Labels(std::vector<Label>{{"node", "web1"}, {"job", "n"}}), schema}});
  const std::string rules = "  - {alert: Busy, expr: 'load > 4', labels: {s: c}}\n";
  Use(rules);
  Load(R"(load{node="web1",job="n"} 5 5 5 5 5)");
  Load(R"(load{node="web1",job="n",x="1"} 5 5 5 5 5)");
  Load(R"(load{node="web1",job="n",x="2"} 5 5 5 5 1)");
  Load(R"(load{node="web2",job="n"} 5 5 5 5 5)");
  EXPECT_EQ(At(0), Lines({R"(Busy{job="n",node="web1",s="c",x="2"} inactive->firing notify)"}));
  Restart(rules);
  EXPECT_EQ(At(10), Lines());
  std::vector<Alert> others;
  evaluator_->Reload({File("  - {alert: Busy, expr: 'load > 3', labels: {s: c}}\n")}, &others);
  EXPECT_TRUE(others.empty());
  EXPECT_EQ(At(20), Lines());
  // At the interval, all of them are this one's; on arrival again, only what is pushed.
  evaluator_->Reload({File("  - {alert: Busy, expr: 'load + 0 > 3', labels: {s: c}}\n")}, &others);
  EXPECT_EQ(At(30), Lines({R"(Busy{job="n",node="web1",s="c",x="1"} inactive->firing notify)",
                           R"(Busy{job="n",node="web1",s="c"} inactive->firing notify)",
                           R"(Busy{job="n",node="web2",s="c"} inactive->firing notify)"}));
  host_.SetNode("web2", NodeCondition::kLive);
  evaluator_->Reload({File("  - {alert: Busy, expr: 'load > 3', labels: {s: c}}\n")}, &others);
  EXPECT_EQ(others.size(), 3U);
  EXPECT_EQ(At(40), Lines({R"(Busy{job="n",node="web1",s="c",x="2"} firing->resolved notify)"}));
}

TEST_F(EvaluatorTest, AReloadKeepsWhatIsStillThere) {
  Use(R"(
  - {record: 'kept', expr: 'load * 1'}
  - {record: 'gone', expr: 'load * 1'}
  - {alert: Busy, expr: 'load * 1 > 4'}
  - {alert: Once, expr: 'load * 1 > 4'}
)");
  Load(R"(load{node="web1"} 5 5 5 5)");
  host_.SetNode("web1", NodeCondition::kLive);
  At(0);
  std::vector<Alert> others;
  evaluator_->Reload({File(R"(
  - {alert: Busy, expr: 'load * 1 > 3'}
  - {alert: Once, expr: 'load > 3'}
  - {record: 'kept', expr: 'load * 2'}
)")},
                     &others);
  ASSERT_EQ(others.size(), 1U);  // on arrival from now on
  EXPECT_EQ(others[0].rule, "Once");
  EXPECT_EQ(At(10), Lines());
  EXPECT_EQ(Ask("kept or gone", 10), Lines({R"(kept{node="web1"} 10)"}));
  EXPECT_EQ(evaluator_->Active().size(), 1U);
}

// The same random data through both (but that a series that ends resolves on arrival whatever
// keep_firing_for says, and at an interval as in Prometheus): on arrival each second, and at an
// interval of one second with an expression that says the same but cannot run on arrival.
TEST_F(EvaluatorTest, BothWaysGiveTheSameTransitions) {
  const std::string shape = R"(
  - {{alert: Hot, expr: 'cpu{0} > 80', for: 5s}}
  - {{alert: Now, expr: 'cpu{0} >= 90', annotations: {{ronda_clear: 'cpu{0} < 60'}}}}
  - {{alert: Down, expr: 'up{0} == 0', for: 2s, keep_firing_for: 3s}}
)";
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto draw = [&random] { return std::uniform_real_distribution<>(0, 1)(random); };
  host_.SetNode("web1", NodeCondition::kLive);
  Use({File(fmt::format(fmt::runtime(shape), " + 0"), "interval: 1s")});
  ASSERT_OK_AND_ASSIGN(auto engine,
                       Engine::New({File(fmt::format(fmt::runtime(shape), ""), "interval: 1s")}));
  auto schema = std::make_shared<Schema>();
  schema->metrics = {{"up", MetricType::kGauge, "", ""}, {"cpu", MetricType::kGauge, "", ""}};
  schema->series = {{0, {}}};
  for (const char* core : {"0", "1", "2"}) {
    schema->series.push_back({1, Labels(std::vector<Label>{{"core", core}})});
  }
  const Labels target(std::vector<Label>{{"node", "web1"}, {"job", "node"}, {"instance", "web1"}});
  std::vector<double> values = {1, 50, 50, 50};
  std::vector<bool> ended(values.size());
  int fired = 0;
  std::set<std::string> kinds;
  for (int64_t second = 0; second < 3000; ++second) {
    const int64_t t_ms = start_ms_ + second * 1000;
    const std::vector<double> before = values;
    const bool down = values[0] == 0 ? draw() < 0.7 : draw() < 0.03;
    values[0] = down ? 0 : 1;
    for (size_t i = 1; i < values.size(); ++i) {
      ended[i] = ended[i] ? draw() < 0.8 : draw() < 0.02;
      const double last = IsStale(before[i]) ? 50 : before[i];
      values[i] =
          down || ended[i] ? StaleMarker() : std::clamp(last + (draw() - 0.48) * 30, 0.0, 100.0);
    }
    std::vector<Transition> out;
    std::vector<uint32_t> all = {0, 1, 2, 3};
    engine->OnTick({.source = 1,
                    .node = "web1",
                    .target_labels = target,
                    .schema = schema,
                    .t_ms = t_ms,
                    .values = values,
                    .changed = all,
                    .all_changed = second == 0},
                   &out);
    for (size_t i = 0; i < values.size(); ++i) {
      Labels labels = target;
      for (const Label& label : schema->series[i].labels.all()) {
        labels.Set(label.name, label.value);
      }
      labels.Set(kMetricName, i == 0 ? "up" : "cpu");
      data_.Add(labels, t_ms, values[i]);
    }
    clock_.Advance(t_ms - clock_.NowMs());
    evaluator_->RunDue();
    const auto lines = [&](const std::vector<Transition>& transitions) {
      std::multiset<std::string> lines_of;
      for (const Transition& t : transitions) {
        const std::string line =
            fmt::format("{} {} {}->{} {} {} {}", t.alert.rule, t.alert.labels.ToString(),
                        ToString(t.from), ToString(t.alert.state), t.notify, t.t_ms - start_ms_,
                        t.alert.active_at_ms - start_ms_);
        lines_of.insert(line);
        fired += t.notify ? 1 : 0;
        kinds.insert(fmt::format("{}->{}", ToString(t.from), ToString(t.alert.state)));
      }
      return lines_of;
    };
    ASSERT_EQ(lines(out), lines(host_.TakeTransitions())) << "second " << second;
  }
  EXPECT_GT(fired, 100);
  EXPECT_GE(kinds.size(), 8U);
}

// The thread evaluates as the clock goes, while alerts are read and rules are replaced.
TEST(EvaluatorThreadTest, RunsBesideReadersAndReloads) {
  const SystemClock clock;
  promql::MemorySeries data;
  class CountingHost : public RuleHost {
   public:
    absl::Status Commit(RuleCommit) override {
      MutexLock lock(&mu_);
      ++commits_;
      changed_.SignalAll();
      return absl::OkStatus();
    }
    StringMap<NodeCondition> NodeConditions() const override { return {}; }
    PushedNodes Pushed() const override { return {}; }
    void Wait(int commits) {
      MutexLock lock(&mu_);
      while (commits_ < commits) {
        changed_.Wait(&mu_);
      }
    }

   private:
    Mutex mu_;
    CondVar changed_;
    int commits_ ABSL_GUARDED_BY(mu_) = 0;
  };
  CountingHost host;
  const RuleFile file =
      File("  - {record: 'r', expr: '1'}\n  - {alert: A, expr: 'vector(1)'}\n", "interval: 20ms");
  Evaluator evaluator({file}, {}, host, data, clock);
  evaluator.Start();
  host.Wait(4);
  for (int i = 0; i < 20; ++i) {
    std::vector<Alert> others;
    evaluator.Reload({file}, &others);
    evaluator.Active();
    evaluator.Reports();
    evaluator.counters();
  }
  host.Wait(12);
  EXPECT_EQ(evaluator.Active().size(), 1U);
  evaluator.Stop();
  evaluator.Stop();
}

}  // namespace
}  // namespace ronda::rules
