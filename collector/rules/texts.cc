#include "collector/rules/texts.h"

#include <string>
#include <utility>

namespace ronda::rules {
namespace {

tmpl::Environment At(int64_t now_ms, const TextContext& context) {
  tmpl::Environment environment = context.environment;
  environment.now_ms = now_ms;
  return environment;
}

}  // namespace

Labels SeriesName::All() const {
  Labels all = series != nullptr ? *series : Labels();
  if (target != nullptr) {
    for (const Label& label : target->all()) {
      all.Set(label.name, label.value);
    }
  }
  if (!metric.empty()) {
    all.Set(kMetricName, metric);
  }
  return all;
}

Labels AlertLabels(const Rule& rule, const Labels& series, double value, int64_t now_ms,
                   const TextContext& context) {
  Labels out = series;
  out.Set(kMetricName, "");
  for (const TemplatedLabel& label : rule.labels) {
    out.Set(label.name, label.value.has_actions()
                            ? label.value.ExpandOrSay({series, value, context.external_labels},
                                                      At(now_ms, context))
                            : label.value.text());
  }
  out.Set("alertname", rule.name);
  return out;
}

std::vector<Label> AlertAnnotations(const Rule& rule, const Labels& series, double value,
                                    int64_t now_ms, const TextContext& context) {
  std::vector<Label> out;
  const tmpl::AlertData data{series, value, context.external_labels};
  const tmpl::Environment environment = At(now_ms, context);
  for (const TemplatedLabel& annotation : rule.annotations) {
    out.push_back({annotation.name, annotation.value.ExpandOrSay(data, environment)});
  }
  return out;
}

}  // namespace ronda::rules
