// The same rule file and remote-written data given to Debian's Prometheus and to a collector: the
// same alerts and the same ALERTS series, through pending, firing, kept firing, resolved, ended and
// a restart.
//
// Both evaluate by the clock each second, each at its own part of it: a phase of the scenario is
// over when both say the same and what the phase is about.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/model/sample.h"
#include "tests/integration/prometheus_pair.h"
#include "tests/support/http_fetch.h"
#include "tests/support/write_request.h"

namespace ronda {
namespace {

constexpr int64_t kPatienceMs = 120'000;

constexpr char kRules[] = R"--(groups:
- name: g
  interval: 1s
  rules:
  - record: job:m:sum
    expr: sum without (instance, node) (m)
    labels: {kind: recorded}
  - alert: Sum
    expr: job:m:sum > 8
    annotations:
      summary: '{{ $labels.kind }} at {{ $value | printf "%.1f" }}{{ range query "count(m)" }} of {{ .Value }}{{ end }}'
  - {alert: Threshold, expr: m > 4, for: 2s, labels: {severity: page}}
  - {alert: Pending, expr: m > 4, for: 1h}
  - {alert: Kept, expr: m * 2 > 8, keep_firing_for: 1h}
  - {alert: Gone, expr: absent(m)}
  - {alert: Labelled, expr: 'm > 4', labels: {level: '{{ if gt $value 5.5 }}high{{ else }}low{{ end }}'}}
- name: limited
  interval: 1s
  limit: 1
  rules:
  - {alert: Many, expr: m > 0}
)--";

class PrometheusRulesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PrometheusPair::IsInstalled()) {
      GTEST_SKIP() << "Debian's package prometheus is not installed";
    }
    std::ofstream(pair_.File("rules.yml")) << kRules;
    Start();
  }

  void Start() {
    ASSERT_TRUE(pair_.StartCollector({"--rules", pair_.File("rules.yml")})) << pair_.CollectorLog();
    ASSERT_TRUE(pair_.StartPrometheus("global: {scrape_interval: 1m}\nrule_files: [" +
                                      pair_.File("rules.yml") + "]\n"));
  }

  void Push(double a, double b) {
    std::vector<PushedSeries> request;
    const int64_t now_ms = SystemClock().NowMs();
    for (const auto& [instance, value] : {std::pair("a", a), std::pair("b", b)}) {
      request.push_back(
          {{{"__name__", "m"}, {"instance", instance}, {"job", "j"}}, {{now_ms, value}}});
    }
    ASSERT_EQ(pair_.Push(Snappy(EncodePush(request))), "");
  }

  static nlohmann::json Get(const std::string& address, const std::string& path) {
    return nlohmann::json::parse(HttpFetch(address, "GET", path).body, nullptr, false);
  }

  // "NAME{labels} state value annotations" of each alert, without `node`, which Ronda adds.
  static std::set<std::string> Alerts(const std::string& address) {
    std::set<std::string> out;
    const nlohmann::json json = Get(address, "/api/v1/alerts");
    for (nlohmann::json alert : json["data"]["alerts"]) {
      alert["labels"].erase("node");
      out.insert(fmt::format("{} {} {} {}", alert["labels"].dump(), alert["state"].dump(),
                             alert["value"].dump(), alert["annotations"].dump()));
    }
    return out;
  }

  // The labels of what a selector selects now.
  static std::set<std::string> Series(const std::string& address, const std::string& selector) {
    std::set<std::string> out;
    for (const auto& [labels, value] :
         PrometheusPair::Ask(address, selector, 0, SystemClock().NowMs(), 0).points) {
      out.insert(labels.substr(0, labels.find(" @")));
    }
    return out;
  }

  // "NAME health state" of each rule.
  static std::set<std::string> Rules(const std::string& address) {
    std::set<std::string> out;
    const nlohmann::json json = Get(address, "/api/v1/rules");
    for (const auto& group : json["data"]["groups"]) {
      for (const auto& rule : group["rules"]) {
        out.insert(fmt::format("{} {} {} {} {}", rule["name"].dump(), rule["health"].dump(),
                               rule.value("state", ""), rule.value("duration", -1.0),
                               rule["type"].dump()));
      }
    }
    return out;
  }

  // Waits until both say the same, and exactly these alerts ("NAME state") are among it.
  void ExpectBoth(const std::multiset<std::string>& wanted) {
    std::set<std::string> mine;
    std::set<std::string> theirs;
    EXPECT_TRUE(Eventually(kPatienceMs,
                           [&] {
                             mine = Alerts(pair_.ronda());
                             theirs = Alerts(pair_.prometheus());
                             std::multiset<std::string> names;
                             const nlohmann::json json = Get(pair_.ronda(), "/api/v1/alerts");
                             for (const auto& alert : json["data"]["alerts"]) {
                               names.insert(alert["labels"].value("alertname", "") + " " +
                                            alert.value("state", ""));
                             }
                             return mine == theirs && names == wanted;
                           }))
        << fmt::format("Ronda:\n  {}\nPrometheus:\n  {}\n{}", fmt::join(mine, "\n  "),
                       fmt::join(theirs, "\n  "), pair_.CollectorLog());
    for (const char* selector : {"ALERTS", "ALERTS_FOR_STATE", "job:m:sum"}) {
      EXPECT_TRUE(Eventually(kPatienceMs,
                             [&] {
                               mine = Series(pair_.ronda(), selector);
                               theirs = Series(pair_.prometheus(), selector);
                               return mine == theirs;
                             }))
          << fmt::format("{} of Ronda:\n  {}\nof Prometheus:\n  {}", selector,
                         fmt::join(mine, "\n  "), fmt::join(theirs, "\n  "));
    }
    EXPECT_TRUE(Eventually(kPatienceMs,
                           [&] {
                             mine = Rules(pair_.ronda());
                             theirs = Rules(pair_.prometheus());
                             return mine == theirs;
                           }))
        << fmt::format("Ronda:\n  {}\nPrometheus:\n  {}", fmt::join(mine, "\n  "),
                       fmt::join(theirs, "\n  "));
  }

  PrometheusPair pair_;
};

TEST_F(PrometheusRulesTest, AlertsAreThoseOfPrometheus) {
  ExpectBoth({"Gone firing"});
  Push(5, 1);
  ExpectBoth({"Threshold firing", "Pending pending", "Kept firing", "Labelled firing"});
  Push(6, 5);
  ExpectBoth({"Sum firing", "Threshold firing", "Threshold firing", "Pending pending",
              "Pending pending", "Kept firing", "Kept firing", "Labelled firing",
              "Labelled firing"});
  pair_.KillCollector();
  pair_.KillPrometheus();
  Start();
  ExpectBoth({"Sum firing", "Threshold firing", "Threshold firing", "Pending pending",
              "Pending pending", "Kept firing", "Kept firing", "Labelled firing",
              "Labelled firing"});
  Push(1, 1);
  ExpectBoth({"Kept firing", "Kept firing"});
  Push(StaleMarker(), StaleMarker());
  ExpectBoth({"Kept firing", "Kept firing", "Gone firing"});
}

}  // namespace
}  // namespace ronda
