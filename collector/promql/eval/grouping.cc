#include "collector/promql/eval/grouping.h"

#include <algorithm>

namespace ronda::promql {

Grouping::Grouping(const AggregateExpr& aggregate, std::string_view extra)
    : without_(aggregate.without), names_(aggregate.grouping) {
  if (!extra.empty() && !without_) {
    names_.emplace_back(extra);
  }
  std::sort(names_.begin(), names_.end());
}

bool Grouping::Belongs(std::string_view label, bool nameless) const {
  if (nameless && IsMetadata(label)) {
    return false;
  }
  if (without_ && label == kMetricName) {
    return false;
  }
  return std::binary_search(names_.begin(), names_.end(), label) != without_;
}

size_t Grouping::IndexOf(const Labels& labels, bool nameless) {
  key_.clear();  // 0xff is in no UTF-8 text
  for (const Label& label : labels.all()) {
    if (Belongs(label.name, nameless)) {
      key_.append(label.name).push_back('\xff');
      key_.append(label.value).push_back('\xff');
    }
  }
  const auto found = index_.find(std::string_view(key_));
  if (found != index_.end()) {
    return found->second;
  }
  std::vector<Label> kept;
  for (const Label& label : labels.all()) {
    if (Belongs(label.name, nameless)) {
      kept.push_back(label);
    }
  }
  index_.emplace(key_, labels_.size());
  labels_.emplace_back(std::move(kept));
  return labels_.size() - 1;
}

}  // namespace ronda::promql
