// Tested by tests/unit/collector/rules/interval/evaluator_test.cc.
#include "collector/rules/interval/host.h"

#include <algorithm>

#include "common/model/matcher.h"

namespace ronda::rules {
namespace {

Labels FullLabels(const AgentSource& source, size_t series) {
  Labels all = source.schema->series[series].labels;
  for (const Label& label : source.target_labels.all()) {
    all.Set(label.name, label.value);
  }
  all.Set(kMetricName, source.schema->metric_of(series).name);
  return all;
}

}  // namespace

bool AgentSource::Sends(const Labels& series) const {
  if (schema == nullptr) {
    return false;
  }
  const bool of_target =
      std::all_of(target_labels.all().begin(), target_labels.all().end(),
                  [&series](const Label& label) { return series.Get(label.name) == label.value; });
  const std::string_view metric = series.Get(kMetricName);
  for (size_t i = 0; of_target && i < schema->series.size(); ++i) {
    if (schema->metric_of(i).name == metric && FullLabels(*this, i) == series) {
      return true;
    }
  }
  return false;
}

// By the labels that the rule leaves as they are.
bool AgentSource::CouldRaise(const Rule& rule, const Alert& alert) const {
  const auto without = [&rule](const Labels& labels) {
    std::vector<Label> left;
    for (const Label& label : labels.all()) {
      const bool set = std::any_of(rule.labels.begin(), rule.labels.end(),
                                   [&](const auto& l) { return l.name == label.name; });
      if (!set && label.name != kMetricName && label.name != "alertname") {
        left.push_back(label);
      }
    }
    return Labels(std::move(left));
  };
  if (schema == nullptr || !rule.condition) {
    return false;
  }
  const Labels of_alert = without(alert.labels);
  for (size_t i = 0; i < schema->series.size(); ++i) {
    const Labels series = FullLabels(*this, i);
    if (MatchesAll(series, rule.condition->matchers) && without(series) == of_alert) {
      return true;
    }
  }
  return false;
}

}  // namespace ronda::rules
