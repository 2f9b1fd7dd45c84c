// What rules record, and their alerts, through the pipeline to the store and back.
#include <algorithm>

#include "collector/promql/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "common/model/sample.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/ingest/ingest_fixture.h"

namespace ronda::ingest {
namespace {

using rules::RuleCommit;

class RuleSeriesTest : public IngestTest {
 protected:
  Labels Named(const std::string& name, std::vector<Label> labels) {
    return Labels::Of(name, std::move(labels));
  }

  absl::Status Record(int64_t t_ms, std::vector<rules::RuleSample> samples,
                      const std::string& source = "g/0") {
    RuleCommit commit;
    commit.source = source;
    commit.t_ms = t_ms;
    commit.samples = std::move(samples);
    return pipeline_->Commit(std::move(commit));
  }

  // "labels time:value ..." of everything that the selector selects, sorted.
  std::vector<std::string> All(const std::string& name) const {
    std::vector<std::string> out;
    EXPECT_OK(store_->Select(
        {Matcher::Equal("__name__", name)}, 0, INT64_MAX / 2, [&](const store::SeriesView& view) {
          std::string line = view.labels.ToString();
          for (size_t i = 0; i < view.t_ms.size(); ++i) {
            line +=
                fmt::format(" {}:{}", view.t_ms[i] - start_ms_,
                            IsStale(view.values[i]) ? "stale" : fmt::format("{}", view.values[i]));
          }
          out.push_back(std::move(line));
          return true;
        }));
    std::sort(out.begin(), out.end());
    return out;
  }

  using Lines = std::vector<std::string>;
};

// With exactly the labels that they have, beside a node's own labels, and over seals and restarts.
TEST_F(RuleSeriesTest, RecordedSeriesHaveTheRulesLabelsAlone) {
  auto agent = NewAgent();
  v1::AgentMessage hello = agent->Hello("web1", 1);
  v1::Label* own = hello.mutable_hello()->add_labels();
  own->set_name("role");
  own->set_value("shop");
  agent->session->OnMessage(hello);
  agent->Tick(start_ms_, 1);
  ASSERT_EQ(All("load").size(), 1U);
  EXPECT_NE(All("load")[0].find("role=\"shop\""), std::string::npos);

  const Labels sum = Named("all:load", {});
  const Labels of_node = Named("node:load", {{"node", "web1"}});
  const Labels full =
      Named("node:load", {{"node", "web1"}, {"job", "node"}, {"instance", "web1:1"}, {"x", "y"}});
  const Labels other = Named("node:load", {{"node", "not a/node"}, {"instance", ""}});
  ASSERT_OK(Record(start_ms_ + 1000, {{sum, 1}, {of_node, 2}, {full, 3}, {other, 4}}));
  ASSERT_OK(Record(start_ms_ + 2000, {{sum, 1.5}, {of_node, StaleMarker()}, {full, 3}}));
  const auto check = [&](const char* when) {
    SCOPED_TRACE(when);
    EXPECT_EQ(All("all:load"), Lines({"all:load 1000:1 2000:1.5"}));
    EXPECT_EQ(All("node:load"),
              Lines({R"(node:load{instance="web1:1",job="node",node="web1",x="y"} 1000:3 2000:3)",
                     R"(node:load{node="not a/node"} 1000:4)",
                     R"(node:load{node="web1"} 1000:2 2000:stale)"}));
  };
  check("in the head");
  Flush();
  Open();
  check("after a restart");
  ASSERT_OK(store_->SealNow());
  check("sealed");
  clock_.Advance(3 * 3'600'000);
  ASSERT_OK(store_->CompactNow());
  check("compacted");
  // They are nobody's node.
  std::vector<std::string> nodes;
  for (const query::LiveNode& node : pipeline_->LiveNodes()) {
    nodes.push_back(node.name);
  }
  EXPECT_EQ(nodes, Lines({"web1"}));
}

TEST_F(RuleSeriesTest, SeriesThatComeAndGoAreKeptApart) {
  for (int i = 0; i < 200; ++i) {
    std::vector<rules::RuleSample> samples;
    for (int j = i; j < i + 100; ++j) {
      samples.push_back({Named("churn", {{"i", std::to_string(j)}}), double(j)});
    }
    if (i > 0) {
      samples.push_back({Named("churn", {{"i", std::to_string(i - 1)}}), StaleMarker()});
    }
    ASSERT_OK(Record(start_ms_ + i * 1000, std::move(samples)));
    if (i == 100) {
      Flush();
      ASSERT_OK(store_->SealNow());
    }
  }
  const auto lines = All("churn");
  ASSERT_EQ(lines.size(), 299U);
  int64_t points = 0;
  for (const std::string& line : lines) {
    points += std::count(line.begin(), line.end(), ':');
  }
  EXPECT_EQ(points, 200 * 100 + 199);
  // Two rules at one time, and a clock that was set back.
  ASSERT_OK(Record(start_ms_ + 500'000, {{Named("a", {}), 1}}, "g/1"));
  ASSERT_OK(Record(start_ms_ + 500'000, {{Named("b", {}), 1}}, "g/2"));
  ASSERT_OK(Record(start_ms_ + 400'000, {{Named("a", {}), 2}}, "g/1"));
  EXPECT_EQ(All("a"), Lines({"a 400000:2 500000:1"}));
  EXPECT_EQ(All("b"), Lines({"b 500000:1"}));
}

TEST_F(RuleSeriesTest, WhatCannotBeStoredIsSaid) {
  EXPECT_THAT(Record(start_ms_, {{Named("x", {{"l", std::string(2000, 'x')}}), 1}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "too long to be stored"));
  EXPECT_EQ(All("x"), Lines());
}

// The whole way: an evaluator over the store, an alert that is durable with its record and series.
TEST_F(RuleSeriesTest, AnAlertAtAnIntervalIsDurable) {
  const std::string text = R"(groups:
- name: g
  interval: 10s
  rules:
  - {alert: Busy, expr: 'max_over_time(load[1m]) > 4'}
  - {alert: High, expr: load > 4}
)";
  UseRules(text);
  auto agent = NewAgent();
  agent->Join("web1", 1);
  ASSERT_OK_AND_ASSIGN(const rules::RuleFile file, rules::ParseRuleFile("rules.yml", text));
  auto evaluator = std::make_unique<rules::Evaluator>(
      std::vector<rules::RuleFile>{file}, rules::EvaluatorOptions{}, *pipeline_, *store_, clock_);
  agent->Tick(clock_.NowMs(), 5);
  clock_.Advance(10'000);
  agent->Tick(clock_.NowMs(), 5);
  evaluator->RunDue();
  pipeline_->Tick();
  ASSERT_EQ(evaluator->Active().size(), 1U);
  EXPECT_EQ(evaluator->Active()[0].node, "web1");
  Flush();
  EXPECT_EQ(AlertLog().size(), 2U);
  const auto states = [&] {
    std::vector<std::string> out;
    const auto answer = promql::Engine(*store_).Instant("ALERTS", clock_.NowMs(), {});
    EXPECT_OK(answer);
    for (const promql::Series& series : answer->series) {
      out.push_back(std::string(series.labels.Get("alertname")) + " " +
                    std::string(series.labels.Get("alertstate")));
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(states(), Lines({"Busy firing", "High firing"}));

  // Restart: neither is told again, and each goes on where it belongs.
  evaluator.reset();
  std::vector<rules::Alert> at_interval;
  rules_ = text;
  Open();
  pipeline_ =
      std::make_unique<Pipeline>(Pipeline::Options{}, *store_, *engine_, *gate_, *outbox_, clock_);
  ASSERT_OK(pipeline_->Restore(&at_interval));
  ASSERT_EQ(at_interval.size(), 1U);
  EXPECT_EQ(at_interval[0].rule, "Busy");
  evaluator = std::make_unique<rules::Evaluator>(
      std::vector<rules::RuleFile>{file}, rules::EvaluatorOptions{}, *pipeline_, *store_, clock_);
  evaluator->Restore(std::move(at_interval));
  EXPECT_EQ(Alerts(), Lines({"High firing"}));
  clock_.Advance(120'000);
  auto again = NewAgent();
  again->Join("web1", 2);
  again->Tick(clock_.NowMs(), 1);
  evaluator->RunDue();
  pipeline_->Tick();
  Flush();
  Lines log = AlertLog();
  std::sort(log.begin(), log.end());
  EXPECT_EQ(log, Lines({"Busy firing->resolved ", "Busy inactive->firing ",
                        "High firing->resolved ", "High inactive->firing "}));
  EXPECT_EQ(states(), Lines());
}

}  // namespace
}  // namespace ronda::ingest
