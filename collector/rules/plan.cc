#include "collector/rules/plan.h"

#include <algorithm>
#include <utility>

namespace ronda::rules {
namespace {

bool MatchesTarget(const Rule& rule, const Labels& target_labels) {
  for (const Matcher& matcher : rule.condition->matchers) {
    const std::string_view value = target_labels.Get(matcher.name());
    if (!value.empty() && !matcher.Matches(value)) {
      return false;
    }
  }
  return true;
}

bool MatchesSeries(const Rule& rule, const Labels& series_labels, const Labels& target_labels) {
  for (const Matcher& matcher : rule.condition->matchers) {
    if (matcher.name() != kMetricName && target_labels.Get(matcher.name()).empty() &&
        !matcher.Matches(series_labels.Get(matcher.name()))) {
      return false;
    }
  }
  return true;
}

bool MatchesName(const Rule& rule, const std::string& name) {
  for (const Matcher& matcher : rule.condition->matchers) {
    if (matcher.name() == kMetricName && !matcher.Matches(name)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<uint32_t> RulesFor(const std::vector<PlacedRule>& rules, const Labels& target_labels) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    if (MatchesTarget(*rules[i].rule, target_labels)) {
      out.push_back(i);
    }
  }
  return out;
}

std::shared_ptr<const Plan> CompilePlan(const std::vector<PlacedRule>& rules,
                                        const std::vector<uint32_t>& candidates,
                                        const Labels& target_labels,
                                        std::shared_ptr<const Schema> schema) {
  auto plan = std::make_shared<Plan>();
  // Rules by metric first: most rules name one metric of many.
  std::vector<std::vector<uint32_t>> by_metric(schema->metrics.size());
  for (const uint32_t rule : candidates) {
    for (size_t metric = 0; metric < by_metric.size(); ++metric) {
      if (MatchesName(*rules[rule].rule, schema->metrics[metric].name)) {
        by_metric[metric].push_back(rule);
      }
    }
  }
  plan->first.reserve(schema->series.size() + 1);
  for (size_t column = 0; column < schema->series.size(); ++column) {
    plan->first.push_back(static_cast<uint32_t>(plan->entries.size()));
    const Schema::Series& series = schema->series[column];
    if (plan->up_column < 0 && schema->metric_of(column).name == "up") {
      plan->up_column = static_cast<int>(column);
    }
    for (const uint32_t rule : by_metric[series.metric]) {
      const promql::Threshold& condition = *rules[rule].rule->condition;
      if (MatchesSeries(*rules[rule].rule, series.labels, target_labels)) {
        plan->entries.push_back(
            {static_cast<uint32_t>(column), rule, condition.op, condition.number});
      }
    }
  }
  plan->first.push_back(static_cast<uint32_t>(plan->entries.size()));
  plan->schema = std::move(schema);
  return plan;
}

}  // namespace ronda::rules
