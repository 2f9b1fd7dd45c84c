// What an alert is called and what it says: its labels and annotations.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "collector/rules/rule_file.h"
#include "common/model/labels.h"

namespace ronda::rules {

// What templates know besides the series.
struct TextContext {
  Labels external_labels;
  tmpl::Environment environment;  // its now_ms is set for each text
};

// A series in its parts, of which a label set is made only where a text needs it.
struct SeriesName {
  std::string_view metric;         // "" if it has no name
  const Labels* series = nullptr;  // null: no series is known
  const Labels* target = nullptr;  // its labels win over the series'; may be null

  Labels All() const;
};

// The labels of the alert that the rule raises for a series: the series' without __name__, then the
// rule's, then alertname. Templates see the series' labels alone, with __name__, as in Prometheus.
Labels AlertLabels(const Rule& rule, const Labels& series, double value, int64_t now_ms,
                   const TextContext& context);

// The rule's annotations for it.
std::vector<Label> AlertAnnotations(const Rule& rule, const Labels& series, double value,
                                    int64_t now_ms, const TextContext& context);

}  // namespace ronda::rules
