// /api/v1/rules and /api/v1/alerts over rules of both kinds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "collector/http/api.h"
#include "collector/promql/script/memory_series.h"
#include "collector/rules/engine.h"
#include "collector/rules/interval/evaluator.h"
#include "collector/rules/unit_test/memory_host.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace ronda::http {
namespace {

using nlohmann::json;

constexpr char kRules[] = R"--(groups:
- name: first
  interval: 10s
  limit: 7
  rules:
  - {record: 'job:load:sum', expr: 'sum by (job)(load)', labels: {team: db}}
  - alert: Sum
    expr: 'job:load:sum>4'
    keep_firing_for: 1m
    labels: {severity: page, team: db}
    annotations: {summary: 'at {{ $value }}'}
  - {alert: Broken, expr: 'label_replace(load, "x", "y", "x", ".*") > 0', labels: {team: web}}
- name: second
  rules:
  - {alert: Load, expr: load > 4, for: 5m, labels: {team: web}}
- name: empty
)--";

class RulesApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const rules::RuleFile file, rules::ParseRuleFile("/r/a.yml", kRules));
    ASSERT_OK_AND_ASSIGN(engine_, rules::Engine::New({file}));
    evaluator_ = std::make_unique<rules::Evaluator>(
        std::vector<rules::RuleFile>{file}, rules::EvaluatorOptions{}, host_, data_, clock_);
    clock_.Advance(evaluator_->RunDue() - clock_.NowMs());
    sources_.rules = engine_.get();
    sources_.evaluator = evaluator_.get();
    sources_.clock = &clock_;
    AddRules(sources_, {}, &router_);
  }

  void Load(const char* x, double value) {
    data_.Add(Labels::Of("load", {{"job", "j"}, {"x", x}}), clock_.NowMs(), value);
  }

  json Get(const std::string& path, std::vector<Pair> params = {}, int status = 200) {
    Request request;
    request.path = path;
    request.params = std::move(params);
    auto admitted = router_.Admit(request);
    EXPECT_TRUE(std::holds_alternative<Admission>(admitted));
    const Response response = std::get<Admission>(admitted).run(request);
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }

  // "GROUP: RULE RULE" of each group.
  std::vector<std::string> Names(std::vector<Pair> params) {
    std::vector<std::string> out;
    const json answer = Get("/api/v1/rules", std::move(params));
    for (const json& group : answer["data"]["groups"]) {
      std::string line = group["name"].get<std::string>() + ":";
      for (const json& rule : group["rules"]) {
        line += " " + rule["name"].get<std::string>();
      }
      out.push_back(std::move(line));
    }
    return out;
  }

  using Lines = std::vector<std::string>;

  FakeClock clock_;
  promql::MemorySeries data_;
  rules::MemoryHost host_{data_};
  std::unique_ptr<rules::Engine> engine_;
  std::unique_ptr<rules::Evaluator> evaluator_;
  TokenStore tokens_{"/nowhere/tokens", clock_};
  Router router_{tokens_, true};
  Sources sources_;
};

TEST_F(RulesApiTest, FieldsAreThoseOfPrometheus) {
  const json before = Get("/api/v1/rules")["data"]["groups"][0];
  EXPECT_EQ(before["lastEvaluation"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(before["rules"][0]["health"], "unknown");
  Load("1", 2.5);
  Load("2", 3);
  evaluator_->RunDue();
  const json groups = Get("/api/v1/rules")["data"]["groups"];
  ASSERT_EQ(groups.size(), 2U);
  const json& first = groups[0];
  EXPECT_EQ(first["file"], "/r/a.yml");
  EXPECT_EQ(first["interval"], 10);
  EXPECT_EQ(first["limit"], 7);
  EXPECT_GT(first["evaluationTime"], 0);
  EXPECT_NE(first["lastEvaluation"], "0001-01-01T00:00:00Z");
  json recording = first["rules"][0];
  EXPECT_EQ(recording["query"], "sum by (job) (load)");
  EXPECT_EQ(recording["labels"], json({{"team", "db"}}));
  EXPECT_EQ(recording["health"], "ok");
  EXPECT_EQ(recording["type"], "recording");
  EXPECT_FALSE(recording.contains("state"));
  const json& alerting = first["rules"][1];
  EXPECT_EQ(alerting["state"], "firing");
  EXPECT_EQ(alerting["query"], "job:load:sum > 4");
  EXPECT_EQ(alerting["duration"], 0);
  EXPECT_EQ(alerting["keepFiringFor"], 60);
  EXPECT_EQ(alerting["type"], "alerting");
  EXPECT_EQ(alerting["annotations"], json({{"summary", "at {{ $value }}"}}));
  ASSERT_EQ(alerting["alerts"].size(), 1U);
  const json& alert = alerting["alerts"][0];
  EXPECT_EQ(alert["labels"],
            json({{"alertname", "Sum"}, {"job", "j"}, {"severity", "page"}, {"team", "db"}}));
  EXPECT_EQ(alert["annotations"], json({{"summary", "at 5.5"}}));
  EXPECT_EQ(alert["state"], "firing");
  EXPECT_EQ(alert["value"], "5.5e+00");
  EXPECT_FALSE(alert.contains("keepFiringSince"));
  const json& broken = first["rules"][2];
  EXPECT_EQ(broken["health"], "err");
  EXPECT_NE(broken["lastError"].get<std::string>(), "");
  EXPECT_EQ(groups[1]["rules"][0]["health"], "ok");
  EXPECT_EQ(groups[1]["interval"], 60);
  EXPECT_EQ(groups[1]["rules"][0]["duration"], 300);

  const json alerts = Get("/api/v1/alerts")["data"]["alerts"];
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0], alert);
  clock_.Advance(10'000);
  Load("1", 0);
  Load("2", 0);
  evaluator_->RunDue();
  EXPECT_TRUE(Get("/api/v1/alerts")["data"]["alerts"][0].contains("keepFiringSince"));
}

TEST_F(RulesApiTest, ParametersChoose) {
  EXPECT_EQ(Names({}), Lines({"first: job:load:sum Sum Broken", "second: Load"}));
  EXPECT_EQ(Names({{"type", "record"}}), Lines({"first: job:load:sum"}));
  EXPECT_EQ(Names({{"type", "alert"}}), Lines({"first: Sum Broken", "second: Load"}));
  EXPECT_EQ(Names({{"rule_name[]", "Sum"}, {"rule_name[]", "Load"}}),
            Lines({"first: Sum", "second: Load"}));
  EXPECT_EQ(Names({{"rule_group[]", "second"}}), Lines({"second: Load"}));
  EXPECT_EQ(Names({{"file[]", "/r/a.yml"}, {"rule_name[]", "Sum"}}), Lines({"first: Sum"}));
  EXPECT_EQ(Names({{"file[]", "/r/b.yml"}}), Lines());
  EXPECT_EQ(Names({{"match[]", "{team=\"web\"}"}}), Lines({"first: Broken", "second: Load"}));
  EXPECT_EQ(Names({{"match[]", "{severity=~\"p.*\"}"}, {"match[]", "{team=\"web\"}"}}),
            Lines({"first: Sum Broken", "second: Load"}));
  Load("1", 9);
  evaluator_->RunDue();
  EXPECT_EQ(
      Get("/api/v1/rules", {{"exclude_alerts", "true"}})["data"]["groups"][0]["rules"][1]["alerts"],
      json::array());
  for (const Pair& bad :
       {Pair{"type", "both"}, Pair{"exclude_alerts", "maybe"}, Pair{"match[]", "{team="}}) {
    EXPECT_EQ(Get("/api/v1/rules", {bad}, 400)["errorType"], "bad_data");
  }
}

}  // namespace
}  // namespace ronda::http
