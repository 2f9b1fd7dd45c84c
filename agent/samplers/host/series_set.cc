#include "agent/samplers/host/series_set.h"

#include <algorithm>

namespace ronda::agent {

SeriesSet::SeriesSet(std::span<const MetricDescriptor> metrics,
                     std::vector<std::string> label_values)
    : metrics_(metrics), label_values_(std::move(label_values)), refs_(metrics.size(), kNoSeries) {}

void SeriesSet::Forget(const SeriesTable& table) {
  std::fill(refs_.begin(), refs_.end(), kNoSeries);
  generation_ = table.generation();
}

void SeriesSet::Declare(SeriesTable& table, size_t i) {
  const std::vector<std::string_view> values(label_values_.begin(), label_values_.end());
  refs_[i] = table.Declare(metrics_[i], values);
}

}  // namespace ronda::agent
