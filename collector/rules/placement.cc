#include "collector/rules/placement.h"

#include <algorithm>
#include <set>
#include <string>

#include "collector/promql/functions.h"
#include "collector/promql/visit.h"

namespace ronda::rules {
namespace {

constexpr std::string_view kAlertSeries[] = {"ALERTS", "ALERTS_FOR_STATE"};
constexpr std::string_view kSilenceSeries[] = {"up", "ronda_gap", "ALERTS", "ALERTS_FOR_STATE"};

bool NamesMetric(const std::vector<Matcher>& matchers) {
  return std::any_of(matchers.begin(), matchers.end(),
                     [](const Matcher& m) { return m.name() == kMetricName; });
}

bool UsesAbsent(const promql::Expr& expr) {
  bool found = false;
  promql::VisitExpr(expr, [&found](const promql::Expr& node) {
    if (node.kind == promql::NodeKind::kCall) {
      const std::string_view name = static_cast<const promql::CallExpr&>(node).function.name;
      found = found || name == "absent" || name == "absent_over_time";
    }
  });
  return found;
}

// The selectors of `up` in `... == 1`: `x > 5 and up == 1` is about x where the node is up.
std::set<const promql::VectorSelector*> GuardsOf(const promql::Expr& expr) {
  std::set<const promql::VectorSelector*> guards;
  promql::VisitExpr(expr, [&guards](const promql::Expr& node) {
    if (node.kind != promql::NodeKind::kBinary) {
      return;
    }
    const auto& binary = static_cast<const promql::BinaryExpr&>(node);
    const promql::Expr& right = promql::WithoutParens(*binary.right);
    if (binary.op == promql::BinaryOp::kEqual && right.kind == promql::NodeKind::kNumber &&
        static_cast<const promql::NumberLiteral&>(right).value == 1) {
      for (const promql::VectorSelector* selector : promql::SelectorsOf(*binary.left)) {
        if (NamesMetric(selector->matchers) && CanSelect(selector->matchers, "up")) {
          guards.insert(selector);
        }
      }
    }
  });
  return guards;
}

bool MayArrive(const Rule& rule, const std::set<std::string>& recorded) {
  if (rule.record || !rule.condition || (rule.clear_expression != nullptr && !rule.clear)) {
    return false;
  }
  const auto asks = [](const TemplatedLabel& l) { return l.value.uses_query(); };
  if (std::any_of(rule.annotations.begin(), rule.annotations.end(), asks) ||
      std::any_of(rule.labels.begin(), rule.labels.end(),
                  [&](const auto& l) { return asks(l) || l.value.uses_value(); })) {
    return false;
  }
  const std::vector<Matcher>& matchers = rule.condition->matchers;
  return std::none_of(std::begin(kAlertSeries), std::end(kAlertSeries),
                      [&](std::string_view name) { return CanSelect(matchers, name); }) &&
         std::none_of(recorded.begin(), recorded.end(),
                      [&](const std::string& name) { return CanSelect(matchers, name); });
}

}  // namespace

void PlaceRules(std::vector<RuleFile>* files) {
  std::set<std::string> recorded;
  for (const RuleFile& file : *files) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        if (rule.record) {
          recorded.insert(rule.name);
        }
      }
    }
  }
  for (RuleFile& file : *files) {
    for (RuleGroup& group : file.groups) {
      for (Rule& rule : group.rules) {
        rule.on_arrival = MayArrive(rule, recorded);
      }
    }
  }
}

bool CanSelect(const std::vector<Matcher>& matchers, std::string_view metric) {
  return std::all_of(matchers.begin(), matchers.end(), [metric](const Matcher& m) {
    return m.name() != kMetricName || m.Matches(metric);
  });
}

bool IsAboutSilence(const promql::Expr& expr) {
  const std::set<const promql::VectorSelector*> guards = GuardsOf(expr);
  const auto selectors = promql::SelectorsOf(expr);
  return UsesAbsent(expr) ||
         std::any_of(selectors.begin(), selectors.end(), [&](const promql::VectorSelector* s) {
           return NamesMetric(s->matchers) && !guards.contains(s) &&
                  std::any_of(std::begin(kSilenceSeries), std::end(kSilenceSeries),
                              [s](std::string_view name) { return CanSelect(s->matchers, name); });
         });
}

bool CouldRaise(const RuleGroup& group, const Rule& rule, const Alert& alert) {
  if (rule.record || rule.name != alert.rule || group.name != alert.group) {
    return false;
  }
  return std::all_of(rule.labels.begin(), rule.labels.end(), [&](const TemplatedLabel& l) {
    return l.value.has_actions() || alert.labels.Get(l.name) == l.value.text();
  });
}

}  // namespace ronda::rules
