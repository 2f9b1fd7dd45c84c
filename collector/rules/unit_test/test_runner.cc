#include "collector/rules/unit_test/test_runner.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "collector/promql/engine.h"
#include "collector/promql/number_text.h"
#include "collector/rules/interval/group_state.h"
#include "collector/rules/unit_test/memory_host.h"
#include "common/base/status.h"

namespace ronda::rules {
namespace {

constexpr double kFuzzy = 1e-15;

std::string Text(const std::vector<Label>& pairs) {
  std::string out;
  for (const Label& pair : pairs) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", pair.name, QuoteLabelValue(pair.value));
  }
  return "{" + out + "}";
}

std::string Text(const std::vector<ExpectedAlert>& alerts) {
  std::string out = "[";
  for (size_t i = 0; i < alerts.size(); ++i) {
    out += fmt::format("\n            {}:\n              Labels:{}\n              Annotations:{}",
                       i, Text(alerts[i].labels.all()), Text(alerts[i].annotations));
  }
  return out + (alerts.empty() ? "]" : "\n        ]");
}

std::string Text(const std::vector<ExpectedSample>& samples) {
  std::string out;
  for (const ExpectedSample& sample : samples) {
    out += fmt::format("\n            {} {}", sample.labels.ToString(),
                       promql::FormatNumber(sample.value));
  }
  return out.empty() ? "nil" : out;
}

bool Equal(double a, double b, bool fuzzy) {
  return a == b || (std::isnan(a) && std::isnan(b)) ||
         (fuzzy && std::abs(a - b) <= kFuzzy * (std::abs(a) + std::abs(b)));
}

bool Equal(const ExpectedAlert& a, const ExpectedAlert& b) {
  return a.labels == b.labels && a.annotations == b.annotations;
}

class Runner {
 public:
  Runner(const TestFile& file, const TestGroup& test, const std::vector<RuleFile>& rules)
      : file_(file), test_(test) {
    for (const RuleFile& rule_file : rules) {
      for (const RuleGroup& group : rule_file.groups) {
        groups_.push_back(std::make_unique<GroupState>(rule_file, group));
      }
    }
    const auto rank = [&file](const auto& group) {
      const auto& order = file.group_eval_order;
      return std::find(order.begin(), order.end(), group->group().name) - order.begin();
    };
    std::stable_sort(groups_.begin(), groups_.end(),
                     [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    texts_.external_labels = test.external_labels;
    texts_.environment.external_url = test.external_url;
  }

  std::vector<std::string> Run() {
    for (const promql::ScriptSeries& series : test_.series) {
      for (size_t i = 0; i < series.points.size(); ++i) {
        if (series.points[i]) {
          data_.Add(series.labels, static_cast<int64_t>(i) * test_.interval_ms, *series.points[i]);
        }
      }
    }
    int64_t last_ms = 0;
    for (const AlertCase& alert : test_.alerts) {
      last_ms = std::max(last_ms, alert.at_ms);
    }
    for (const ExprCase& expr : test_.exprs) {
      last_ms = std::max(last_ms, expr.at_ms);
    }
    for (int64_t t_ms = 0; t_ms <= last_ms; t_ms += file_.evaluation_interval_ms) {
      Evaluate(t_ms);
      for (const AlertCase& alert : test_.alerts) {
        if (t_ms <= alert.at_ms && alert.at_ms < t_ms + file_.evaluation_interval_ms) {
          Check(alert);
        }
      }
    }
    for (const ExprCase& expr : test_.exprs) {
      Check(expr);
    }
    return std::move(failures_);
  }

 private:
  void Evaluate(int64_t t_ms) {
    for (const auto& group : groups_) {
      const GroupState::Tools tools{data_, host_, texts_, INT64_MAX, {}};
      group->Evaluate(t_ms, {}, tools, [&](size_t number) {
        const std::string& error = group->health().rules[number].error;
        if (!error.empty()) {
          Fail(fmt::format("rule: {}, time: {}, err: {}", group->group().rules[number].name,
                           promql::FormatDurationMs(t_ms), error));
        }
      });
    }
  }

  void Fail(std::string what) {
    failures_.push_back(test_.name.empty() ? std::move(what)
                                           : fmt::format("name: {},\n    {}", test_.name, what));
  }

  void Check(const AlertCase& expected) {
    std::vector<ExpectedAlert> got;
    for (const auto& group : groups_) {
      if (!expected.group.empty() && expected.group != group->group().name) {
        continue;
      }
      for (const RuleState& rule : group->rules()) {
        std::vector<Alert> alerts;
        if (rule.rule().name == expected.alertname) {
          rule.AppendAlerts(&alerts);
        }
        for (Alert& alert : alerts) {
          if (alert.state == AlertState::kFiring) {
            got.push_back({std::move(alert.labels), std::move(alert.annotations)});
          }
        }
      }
    }
    std::vector<ExpectedAlert> wanted = expected.alerts;
    const auto by_labels = [](const auto& a, const auto& b) { return a.labels < b.labels; };
    std::sort(wanted.begin(), wanted.end(), by_labels);
    std::sort(got.begin(), got.end(), by_labels);
    if (!std::equal(wanted.begin(), wanted.end(), got.begin(), got.end(),
                    [](const auto& a, const auto& b) { return Equal(a, b); })) {
      Fail(fmt::format("alertname: {}, time: {}, line: {},\n        exp:{},\n        got:{}",
                       expected.alertname, promql::FormatDurationMs(expected.at_ms), expected.line,
                       Text(wanted), Text(got)));
    }
  }

  void Check(const ExprCase& expected) {
    const auto answer = promql::Engine(data_).Instant(expected.expr, expected.at_ms, {});
    const std::string head = fmt::format("expr: \"{}\", time: {}, line: {},", expected.expr,
                                         promql::FormatDurationMs(expected.at_ms), expected.line);
    if (!answer.ok()) {
      return Fail(fmt::format("{} err: {}", head, Message(answer.status())));
    }
    std::vector<ExpectedSample> got;
    for (const promql::Series& series : answer->series) {
      for (const double value : series.values) {
        got.push_back({series.labels, value});
      }
    }
    std::vector<ExpectedSample> wanted = expected.samples;
    const auto by_labels = [](const auto& a, const auto& b) { return a.labels < b.labels; };
    std::stable_sort(wanted.begin(), wanted.end(), by_labels);
    std::stable_sort(got.begin(), got.end(), by_labels);
    if (!std::equal(wanted.begin(), wanted.end(), got.begin(), got.end(),
                    [this](const auto& a, const auto& b) {
                      return a.labels == b.labels && Equal(a.value, b.value, file_.fuzzy_compare);
                    })) {
      Fail(fmt::format("{}\n        exp:{}\n        got:{}", head, Text(wanted), Text(got)));
    }
  }

  const TestFile& file_;
  const TestGroup& test_;
  promql::MemorySeries data_;
  MemoryHost host_{data_};
  std::vector<std::unique_ptr<GroupState>> groups_;
  TextContext texts_;
  std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> RunTests(const TestFile& tests, const std::vector<RuleFile>& rules) {
  std::vector<std::string> failures;
  for (const TestGroup& test : tests.tests) {
    for (std::string& failure : Runner(tests, test, rules).Run()) {
      failures.push_back(std::move(failure));
    }
  }
  return failures;
}

}  // namespace ronda::rules
