// Tested by tests/unit/collector/rules/unit_test_test.cc.
#include "collector/rules/unit_test/test_file.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/promql/script/script_series.h"
#include "common/base/status.h"
#include "common/config/yaml.h"

namespace ronda::rules {
namespace {

using config::Value;
using Keys = std::span<const std::string_view>;

constexpr std::string_view kFileKeys[] = {"rule_files", "evaluation_interval", "group_eval_order",
                                          "fuzzy_compare", "tests"};
constexpr std::string_view kTestKeys[] = {"name",
                                          "interval",
                                          "input_series",
                                          "alert_rule_test",
                                          "promql_expr_test",
                                          "external_labels",
                                          "external_url"};
constexpr std::string_view kSeriesKeys[] = {"series", "values"};
constexpr std::string_view kAlertKeys[] = {"eval_time", "alertname", "groupname", "exp_alerts"};
constexpr std::string_view kExpAlertKeys[] = {"exp_labels", "exp_annotations"};
constexpr std::string_view kExprKeys[] = {"expr", "eval_time", "exp_samples"};
constexpr std::string_view kSampleKeys[] = {"labels", "value"};

class Reader {
 public:
  explicit Reader(std::string_view path) { file_.path = path; }

  absl::StatusOr<TestFile> Read(const Value& root) {
    CheckKeys(root, "the file", kFileKeys);
    file_.rule_files = Texts(root, "rule_files");
    file_.group_eval_order = Texts(root, "group_eval_order");
    file_.fuzzy_compare = Text(root, "fuzzy_compare") == "true";
    if (const auto ms = Time(root, "evaluation_interval"); ms.value_or(0) > 0) {
      file_.evaluation_interval_ms = *ms;
    }
    for (const Value& test : List(root, "tests")) {
      Test(test);
    }
    if (!errors_.empty()) {
      return MakeStatus(absl::StatusCode::kInvalidArgument, errors_);
    }
    return std::move(file_);
  }

 private:
  void Error(config::Position at, std::string_view what) {
    errors_ += fmt::format("{}{}:{}:{}: {}", errors_.empty() ? "" : "\n", file_.path, at.line,
                           at.column, what);
  }

  void CheckKeys(const Value& map, std::string_view where, Keys known) {
    if (map.kind != Value::Kind::kMap) {
      Error(map.position, fmt::format("{} must be a map of {}", where, fmt::join(known, ", ")));
    }
    for (const config::Member& member : map.members) {
      if (std::find(known.begin(), known.end(), member.key) == known.end()) {
        Error(member.position, fmt::format("unknown key \"{}\" in {}: there are {}", member.key,
                                           where, fmt::join(known, ", ")));
      }
    }
  }

  std::string Text(const Value& map, std::string_view key) {
    const Value* value = map.Find(key);
    if (value == nullptr || value->kind == Value::Kind::kNull) {
      return "";
    }
    if (value->kind != Value::Kind::kScalar) {
      Error(value->position, fmt::format("\"{}\" must be a text", key));
    }
    return value->text;
  }

  std::vector<Value> List(const Value& map, std::string_view key) {
    const Value* value = map.Find(key);
    if (value == nullptr || value->kind == Value::Kind::kNull) {
      return {};
    }
    if (value->kind != Value::Kind::kList) {
      Error(value->position, fmt::format("\"{}\" must be a list", key));
    }
    return value->items;
  }

  std::vector<std::string> Texts(const Value& map, std::string_view key) {
    std::vector<std::string> out;
    for (const Value& item : List(map, key)) {
      out.push_back(item.text);
    }
    return out;
  }

  std::optional<int64_t> Time(const Value& map, std::string_view key) {
    const Value* value = map.Find(key);
    if (value == nullptr || value->kind == Value::Kind::kNull) {
      return std::nullopt;
    }
    const auto ms = promql::ParseScriptTime(value->text);
    if (!ms || *ms < 0) {
      Error(value->position, fmt::format("\"{}\" must be a duration such as 30s or 1h30m", key));
    }
    return ms;
  }

  std::vector<Label> Map(const Value& map, std::string_view key) {
    std::vector<Label> out;
    const Value* value = map.Find(key);
    if (value != nullptr && value->kind != Value::Kind::kNull) {
      if (value->kind != Value::Kind::kMap) {
        Error(value->position, fmt::format("\"{}\" must be a map", key));
      }
      for (const config::Member& member : value->members) {
        out.push_back({member.key, member.value.text});
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void Test(const Value& value) {
    CheckKeys(value, "a test", kTestKeys);
    TestGroup test;
    test.line = value.position.line;
    test.name = Text(value, "name");
    test.interval_ms = Time(value, "interval").value_or(file_.evaluation_interval_ms);
    test.external_url = Text(value, "external_url");
    test.external_labels = Labels(Map(value, "external_labels"));
    for (const Value& series : List(value, "input_series")) {
      CheckKeys(series, "a series", kSeriesKeys);
      auto read = promql::ParseScriptSeries(Text(series, "series") + " " + Text(series, "values"));
      if (read.ok()) {
        test.series.push_back(*std::move(read));
      } else {
        Error(series.position, Message(read.status()));
      }
    }
    for (const Value& alert : List(value, "alert_rule_test")) {
      test.alerts.push_back(Alert(alert));
    }
    for (const Value& expr : List(value, "promql_expr_test")) {
      test.exprs.push_back(Expr(expr));
    }
    file_.tests.push_back(std::move(test));
  }

  AlertCase Alert(const Value& value) {
    CheckKeys(value, "an alert_rule_test", kAlertKeys);
    AlertCase out;
    out.line = value.position.line;
    out.at_ms = Time(value, "eval_time").value_or(0);
    out.alertname = Text(value, "alertname");
    out.group = Text(value, "groupname");
    if (out.alertname.empty()) {
      Error(value.position, "an alert_rule_test has no \"alertname\"");
    }
    for (const Value& alert : List(value, "exp_alerts")) {
      CheckKeys(alert, "an exp_alert", kExpAlertKeys);
      Labels labels(Map(alert, "exp_labels"));
      labels.Set("alertname", out.alertname);
      out.alerts.push_back({std::move(labels), Map(alert, "exp_annotations")});
    }
    return out;
  }

  ExprCase Expr(const Value& value) {
    CheckKeys(value, "a promql_expr_test", kExprKeys);
    ExprCase out;
    out.line = value.position.line;
    out.at_ms = Time(value, "eval_time").value_or(0);
    out.expr = Text(value, "expr");
    for (const Value& sample : List(value, "exp_samples")) {
      CheckKeys(sample, "an exp_sample", kSampleKeys);
      const std::string text = Text(sample, "labels");
      std::string_view rest = text;
      const auto labels =
          text.empty() ? absl::StatusOr<Labels>(Labels()) : promql::TakeScriptLabels(&rest);
      const auto number = promql::ParseScriptNumber(Text(sample, "value"));
      if (!labels.ok()) {
        Error(sample.position, Message(labels.status()));
      } else if (!number) {
        Error(sample.position, "\"value\" must be a number");
      } else {
        out.samples.push_back({*labels, *number});
      }
    }
    return out;
  }

  TestFile file_;
  std::string errors_;
};

}  // namespace

absl::StatusOr<TestFile> ParseTestFile(std::string_view path, std::string_view content) {
  RONDA_ASSIGN_OR_RETURN(const Value root, config::ParseYaml(content, path));
  return Reader(path).Read(root);
}

}  // namespace ronda::rules
