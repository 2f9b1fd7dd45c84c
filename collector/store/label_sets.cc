#include "collector/store/label_sets.h"

#include <algorithm>

namespace ronda::store {
namespace {

std::vector<std::string> Sorted(const absl::flat_hash_set<std::string>& set) {
  std::vector<std::string> out(set.begin(), set.end());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

void LabelNameSet::Add(const SourceSchema& pair, const SeriesList& series) {
  for (const Label& label : pair.source->target.all()) {
    names_.insert(label.name);
  }
  if (seen_.insert(series).second) {
    names_.insert(std::string(kMetricName));
    for (const uint32_t i : *series) {
      for (const Label& label : pair.schema->schema->series[i].labels.all()) {
        names_.insert(label.name);
      }
    }
  }
}

std::vector<std::string> LabelNameSet::Take() const { return Sorted(names_); }

void LabelValueSet::Add(const SourceSchema& pair, const SeriesList& series) {
  if (!IsTargetName(name_)) {
    if (seen_.insert(series).second && AddOfSchema(*pair.schema, series)) {
      with_gaps_.insert(series);
    }
    if (!with_gaps_.contains(series)) {
      return;
    }
  }
  const std::string_view value = pair.source->target.Get(name_);
  if (!value.empty()) {
    values_.insert(std::string(value));
  }
}

bool LabelValueSet::AddOfSchema(const SchemaEntry& schema, const SeriesList& series) {
  bool gaps = false;
  for (const uint32_t i : *series) {
    const std::string_view own = name_ == kMetricName
                                     ? std::string_view(schema.schema->metric_of(i).name)
                                     : schema.schema->series[i].labels.Get(name_);
    if (own.empty()) {
      gaps = true;
    } else {
      values_.insert(std::string(own));
    }
  }
  return gaps;
}

std::vector<std::string> LabelValueSet::Take() const { return Sorted(values_); }

}  // namespace ronda::store
