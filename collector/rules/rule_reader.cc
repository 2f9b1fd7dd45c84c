// Tested by tests/unit/collector/rules/rule_file_test.cc.
#include "collector/rules/rule_reader.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/promql/parser.h"
#include "collector/rules/rule_place.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/config/units.h"

namespace ronda::rules {
namespace {

using config::Member;
using config::Value;

constexpr std::string_view kFileKeys[] = {"groups"};
constexpr std::string_view kGroupKeys[] = {"name",         "interval", "limit",
                                           "query_offset", "labels",   "rules"};
constexpr std::string_view kRuleKeys[] = {"alert",           "record", "expr",       "for",
                                          "keep_firing_for", "labels", "annotations"};
constexpr std::string_view kAlertKeys[] = {"for", "keep_firing_for", "annotations"};

const Value* Given(const Value& map, std::string_view key) {
  const Value* value = map.Find(key);
  return value == nullptr || value->kind == Value::Kind::kNull ? nullptr : value;
}

// What makes two rules of a group the same one.
std::string IdentityOf(const Rule& rule) {
  std::string identity = rule.name;
  for (const TemplatedLabel& label : rule.labels) {
    identity += fmt::format("\n{}={}", label.name, QuoteLabelValue(label.value.text()));
  }
  return identity + "\n" + rule.record_labels.ToString();
}

std::string VersionOf(const Rule& rule) {
  std::string all = fmt::format("{}\n{}\n{}\n{}\n{}", IdentityOf(rule), rule.record, rule.expr,
                                rule.for_ms, rule.keep_firing_for_ms);
  for (const TemplatedLabel& annotation : rule.annotations) {
    all += fmt::format("\n{}={}", annotation.name, QuoteLabelValue(annotation.value.text()));
  }
  const auto hash = ContentHash(all);
  return ToHex({reinterpret_cast<const char*>(hash.data()), 4});
}

}  // namespace

void RuleReader::Note(bool warning, Position at, std::string text) {
  report_.problems.push_back({warning, at.line, at.column, std::move(text)});
}

void RuleReader::ExpressionError(const Value& at, std::string_view where,
                                 std::string_view message) {
  const InExpression split = SplitMessage(message);
  const std::optional<Position> place = PlaceOf(content_, at.position, split.position);
  if (place) {
    Error(*place, fmt::format("{}: {}", where, split.what));
  } else {
    Error(at.position, fmt::format("{}: {}", where, message));
  }
}

RuleFileReport RuleReader::Read() {
  report_.file.path = path_;
  std::vector<config::Problem> repeated;
  auto root = config::ParseYaml(content_, path_, &repeated);
  if (!root.ok()) {
    const std::string prefix = std::string(path_) + ":";
    std::string_view message = Message(root.status());
    if (message.starts_with(prefix)) {
      message.remove_prefix(prefix.size());
    }
    const InExpression split = SplitMessage(message);
    Error({split.position.line, split.position.column}, std::string(split.what));
    return std::move(report_);
  }
  for (const config::Problem& problem : repeated) {
    Error(problem.position, problem.what);
  }
  if (root->kind == Value::Kind::kNull || !CheckKeys(*root, "the file", kFileKeys)) {
    return std::move(report_);
  }
  const Value* groups = Given(*root, "groups");
  if (groups == nullptr) {
    return std::move(report_);
  }
  if (groups->kind != Value::Kind::kList) {
    Error(groups->position, "\"groups\" must be a list");
    return std::move(report_);
  }
  for (const Value& group : groups->items) {
    Group(group, &report_.file);
  }
  return std::move(report_);
}

bool RuleReader::CheckKeys(const Value& map, std::string_view where,
                           std::span<const std::string_view> known) {
  if (map.kind != Value::Kind::kMap) {
    Error(map.position, fmt::format("{} must be a map of {}", where, fmt::join(known, ", ")));
    return false;
  }
  for (const Member& member : map.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      const std::string_view near = config::Nearest(member.key, known);
      Error(member.position,
            fmt::format("unknown key \"{}\" in {}, {}", member.key, where,
                        near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                                     : fmt::format("did you mean \"{}\"?", near)));
    }
  }
  return true;
}

std::string RuleReader::Text(const Value& map, std::string_view key, std::string_view where) {
  const Value* value = map.Find(key);
  if (value == nullptr) {
    Error(map.position, fmt::format("{} has no \"{}\"", where, key));
  } else if (value->kind != Value::Kind::kScalar || value->text.empty()) {
    Error(value->position, fmt::format("\"{}\" in {} must be a text", key, where));
  } else {
    return value->text;
  }
  return "";
}

int64_t RuleReader::Duration(const Value& map, std::string_view key) {
  const Value* value = Given(map, key);
  if (value == nullptr) {
    return 0;
  }
  const auto ms =
      value->kind == Value::Kind::kScalar ? promql::ParseDurationMs(value->text) : std::nullopt;
  if (!ms) {
    Error(value->position, fmt::format("\"{}\" must be a duration such as 30s or 1h30m", key));
  }
  return ms.value_or(0);
}

int RuleReader::Limit(const Value& group) {
  const Value* value = Given(group, "limit");
  int limit = 0;
  if (value != nullptr) {
    const std::string_view text = value->text;
    const auto [p, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || p != text.data() + text.size() || limit < 0) {
      Error(value->position, "\"limit\" must be a whole number from 0 on");
      limit = 0;
    }
  }
  return limit;
}

void RuleReader::Group(const Value& value, RuleFile* file) {
  if (!CheckKeys(value, "a group", kGroupKeys)) {
    return;
  }
  RuleGroup group;
  group.name = Text(value, "name", "the group");
  if (std::any_of(file->groups.begin(), file->groups.end(),
                  [&](const RuleGroup& other) { return other.name == group.name; }) &&
      !group.name.empty()) {
    Error(value.Find("name")->position, fmt::format("the group \"{}\" is there twice", group.name));
  }
  group.interval_ms = Duration(value, "interval");
  group.query_offset_ms = Duration(value, "query_offset");
  group.limit = Limit(value);
  const std::string where = fmt::format("the group \"{}\"", group.name);
  group.labels = Texts(value, "labels", where, true);
  CheckLabels(value, where, &group.labels);
  if (const Value* rules = Given(value, "rules"); rules != nullptr) {
    if (rules->kind != Value::Kind::kList) {
      Error(rules->position, "\"rules\" must be a list");
    } else {
      for (const Value& rule : rules->items) {
        OneRule(rule, &group);
      }
    }
  }
  file->groups.push_back(std::move(group));
}

void RuleReader::OneRule(const Value& value, RuleGroup* group) {
  if (!CheckKeys(value, "a rule", kRuleKeys)) {
    return;
  }
  Rule rule;
  rule.line = value.position.line;
  rule.record = value.Find("record") != nullptr;
  if (rule.record && value.Find("alert") != nullptr) {
    Error(value.position, "a rule is either \"alert\" or \"record\", not both");
    return;
  }
  rule.name = Text(value, rule.record ? "record" : "alert", "the rule");
  const std::string where = fmt::format("the rule \"{}\"", rule.name);
  Expression(value, where, &rule);
  if (rule.record) {
    Recording(value, where, *group, &rule);
  } else {
    for (const TemplatedLabel& label : group->labels) {
      rule.labels.push_back(label);
    }
    Alerting(value, where, &rule);
  }
  const std::string identity = IdentityOf(rule);
  if (std::any_of(group->rules.begin(), group->rules.end(), [&](const Rule& other) {
        return other.record == rule.record && IdentityOf(other) == identity;
      })) {
    Warn(value.position, fmt::format("the group \"{}\" has the rule \"{}\" with these labels "
                                     "already: of alerts with the same labels there is one",
                                     group->name, rule.name));
  }
  rule.version = VersionOf(rule);
  group->rules.push_back(std::move(rule));
}

void RuleReader::Expression(const Value& value, std::string_view where, Rule* rule) {
  const std::string text = Text(value, "expr", where);
  if (text.empty()) {
    return;
  }
  const Value& at = *value.Find("expr");
  const std::string of = fmt::format("expr of {}", where);
  auto tree = promql::Parse(text);
  if (!tree.ok()) {
    ExpressionError(at, of, Message(tree.status()));
    return;
  }
  const promql::ValueType type = (*tree)->type;
  if (type != promql::ValueType::kVector && type != promql::ValueType::kScalar) {
    Error(at.position, fmt::format("{} gives a {}: a rule needs an instant vector or a scalar", of,
                                   promql::ToString(type)));
    return;
  }
  rule->expression = std::shared_ptr<const promql::Expr>(*std::move(tree));
  rule->expr = promql::Format(*rule->expression);
  if (auto condition = promql::ParseThreshold(text); condition.ok() && !rule->record) {
    rule->condition = *std::move(condition);
  }
}

void RuleReader::Alerting(const Value& value, std::string_view where, Rule* rule) {
  rule->for_ms = Duration(value, "for");
  rule->keep_firing_for_ms = Duration(value, "keep_firing_for");
  for (TemplatedLabel& label : Texts(value, "labels", where, true)) {
    std::erase_if(rule->labels, [&](const TemplatedLabel& l) { return l.name == label.name; });
    rule->labels.push_back(std::move(label));
  }
  std::sort(rule->labels.begin(), rule->labels.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  CheckLabels(value, where, &rule->labels);
  rule->annotations = Texts(value, "annotations", where, true);
  Extensions(value, where, rule);
  WarnOf(value, where, *rule);
}

void RuleReader::Recording(const Value& value, std::string_view where, const RuleGroup& group,
                           Rule* rule) {
  // Any UTF-8 is a name, but who writes braces meant an expression: Prometheus refuses them, too.
  if (rule->name.find_first_of("{}") != std::string::npos) {
    Error(value.Find("record")->position,
          fmt::format("\"{}\" cannot be the name of a series: it has no braces; labels go into "
                      "\"labels\", an expression into \"expr\"",
                      rule->name));
  }
  for (const std::string_view key : kAlertKeys) {
    if (const Value* given = value.Find(key); given != nullptr) {
      Error(given->position, fmt::format("{} records a series: it has no \"{}\"", where, key));
    }
  }
  for (const TemplatedLabel& label : group.labels) {
    rule->record_labels.Set(label.name, label.value.text());
  }
  std::vector<TemplatedLabel> labels = Texts(value, "labels", where, false);
  CheckLabels(value, where, &labels);
  const Value* map = Given(value, "labels");
  for (const TemplatedLabel& label : labels) {
    rule->record_labels.Set(label.name, map->Find(label.name)->text);
  }
}

std::vector<TemplatedLabel> RuleReader::Texts(const Value& map, std::string_view key,
                                              std::string_view where, bool templates) {
  std::vector<TemplatedLabel> out;
  const Value* texts = Given(map, key);
  if (texts == nullptr) {
    return out;
  }
  if (texts->kind != Value::Kind::kMap) {
    Error(texts->position, fmt::format("\"{}\" of {} must be a map", key, where));
    return out;
  }
  for (const Member& member : texts->members) {
    if (!IsName(member.key)) {
      Error(member.position,
            fmt::format("\"{}\" in {} of {} is not a name: it is empty or not UTF-8", member.key,
                        key, where));
      continue;
    }
    if (member.value.kind != Value::Kind::kScalar && member.value.kind != Value::Kind::kNull) {
      Error(member.value.position,
            fmt::format("\"{}\" in {} of {} must be a text", member.key, key, where));
      continue;
    }
    auto value = tmpl::Template::Parse(templates ? member.value.text : "");
    if (!value.ok()) {
      Error(member.value.position,
            fmt::format("\"{}\" in {} of {}: {}", member.key, key, where, Message(value.status())));
      continue;
    }
    out.push_back({member.key, *std::move(value)});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

void RuleReader::CheckLabels(const Value& map, std::string_view where,
                             std::vector<TemplatedLabel>* labels) {
  const Value* given = Given(map, "labels");
  for (const TemplatedLabel& label : *labels) {
    const bool own = given != nullptr && given->Find(label.name) != nullptr;
    if (own && label.name == kMetricName) {
      Error(given->position, fmt::format("the label \"{}\" of {} is reserved", label.name, where));
    } else if (own && label.name == "alertname") {
      Warn(given->position,
           fmt::format("the label \"alertname\" of {} is the name of the rule, whatever it says",
                       where));
    } else if (own && label.value.uses_value()) {
      Warn(given->position,
           fmt::format("the label \"{}\" of {} uses $value: labels say which alert it is, so each "
                       "new value is a new alert; put it in an annotation",
                       label.name, where));
    }
  }
  std::erase_if(*labels, [](const TemplatedLabel& l) { return l.name == "alertname"; });
}

void RuleReader::WarnOf(const Value& value, std::string_view where, const Rule& rule) {
  if (rule.expression == nullptr) {
    return;
  }
  const promql::Expr& expr = promql::WithoutParens(*rule.expression);
  if (expr.kind == promql::NodeKind::kBinary) {
    const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
    if (promql::IsComparison(binary.op) && binary.return_bool) {
      Warn(value.Find("expr")->position,
           fmt::format("expr of {} compares with bool: it gives 0 where it is false, and so fires "
                       "always",
                       where));
    }
  }
}

}  // namespace ronda::rules
