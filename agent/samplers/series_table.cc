#include <algorithm>
#include <cstddef>
#include <utility>

#include "agent/samplers/sampler.h"
#include "common/base/utf8.h"
#include "common/codec/frame.h"

namespace ronda::agent {
namespace {

constexpr size_t kMaxLabelValue = 1024;

// What comes from outside (mount points, names of devices) may be any bytes.
void AppendCleanValue(std::string_view value, std::string* out) {
  const size_t start = out->size();
  while (!value.empty()) {
    const size_t n = Utf8Length(value);
    const std::string_view piece = n == 0 ? std::string_view("\xef\xbf\xbd") : value.substr(0, n);
    if (out->size() - start + piece.size() > kMaxLabelValue) {
      break;
    }
    out->append(piece);
    value.remove_prefix(std::max<size_t>(n, 1));
  }
}

// The part before the separator, which is removed from the front of *rest with it.
std::string_view TakePart(char separator, std::string_view* rest) {
  const size_t end = std::min(rest->find(separator), rest->size());
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return part;
}

// `key` is the metric's name and the label values, separated by NUL.
Labels MakeLabels(std::string_view names, std::string_view key) {
  TakePart('\0', &key);
  std::vector<Label> labels;
  while (!names.empty() && !key.empty()) {
    const std::string_view name = TakePart(',', &names);
    labels.push_back({std::string(name), std::string(TakePart('\0', &key))});
  }
  return Labels(std::move(labels));
}

}  // namespace

SeriesTable::SeriesTable() : owned_(1) {}

SeriesRef SeriesTable::Declare(const MetricDescriptor& metric,
                               std::span<const std::string_view> label_values) {
  key_.assign(metric.name);
  for (const std::string_view value : label_values) {
    key_.push_back('\0');
    AppendCleanValue(value, &key_);
  }
  while (key_.back() == '\0') {
    key_.pop_back();  // values left out and empty ones are the same
  }
  if (const auto it = by_key_.find(std::string_view(key_)); it != by_key_.end()) {
    return it->second;
  }
  if (values_.size() >= codec::kMaxSeries) {
    ++refused_;
    return kNoSeries;
  }
  Schema::Series series;
  series.metric = MetricIndex(metric);
  series.labels = MakeLabels(metric.labels, key_);
  const auto ref = static_cast<SeriesRef>(values_.size());
  AddSeries(std::move(series), key_, StaleMarker(), current_owner_);
  used_[ref] = 1;  // it lives for one run at least
  schema_.reset();
  return ref;
}

uint32_t SeriesTable::MetricIndex(const MetricDescriptor& metric) {
  const auto [it, added] =
      metric_index_.try_emplace(metric.name, static_cast<uint32_t>(draft_.metrics.size()));
  if (added) {
    draft_.metrics.push_back({std::string(metric.name), metric.type, std::string(metric.unit),
                              std::string(metric.help)});
  }
  return it->second;
}

void SeriesTable::AddSeries(Schema::Series series, std::string key, double value, uint32_t owner) {
  const auto ref = static_cast<SeriesRef>(values_.size());
  draft_.series.push_back(std::move(series));
  values_.push_back(value);
  used_.push_back(0);
  owner_.push_back(owner);
  owned_[owner].push_back(ref);
  by_key_[key] = ref;
  keys_.push_back(std::move(key));
}

void SeriesTable::BeginSampler(uint32_t owner) {
  current_owner_ = owner;
  if (owner >= owned_.size()) {
    owned_.resize(owner + 1);
  }
  for (const SeriesRef series : owned_[owner]) {
    values_[series] = StaleMarker();
  }
}

const std::shared_ptr<const Schema>& SeriesTable::schema() {
  if (schema_ == nullptr) {
    schema_ = std::make_shared<const Schema>(draft_);
  }
  return schema_;
}

bool SeriesTable::Compact() {
  bool any_gone = false;
  for (size_t i = 0; i < values_.size(); ++i) {
    any_gone = any_gone || (used_[i] == 0 && IsStale(values_[i]));
  }
  if (!any_gone) {
    std::fill(used_.begin(), used_.end(), uint8_t{0});
    return false;
  }
  SeriesTable kept;
  kept.owned_.resize(owned_.size());
  for (size_t i = 0; i < values_.size(); ++i) {
    if (used_[i] == 0 && IsStale(values_[i])) {
      continue;
    }
    const MetricInfo& info = draft_.metric_of(i);
    Schema::Series series = std::move(draft_.series[i]);
    series.metric = kept.MetricIndex({info.name, info.type, info.unit, "", info.help});
    kept.AddSeries(std::move(series), std::move(keys_[i]), values_[i], owner_[i]);
  }
  kept.current_owner_ = current_owner_;
  kept.generation_ = generation_ + 1;
  kept.refused_ = refused_;
  *this = std::move(kept);
  return true;
}

}  // namespace ronda::agent
