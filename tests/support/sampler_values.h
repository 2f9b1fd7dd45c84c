// What a sampler set in a tick, by the series' text form.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "agent/samplers/sampler.h"
#include "common/model/sample.h"

namespace ronda::agent {

// name{label="value",...}, as Labels::ToString() prints it.
inline std::string SeriesText(const Schema& schema, size_t i) {
  Labels labels = schema.series[i].labels;
  labels.Set(kMetricName, schema.metric_of(i).name);
  return labels.ToString();
}

// Runs one tick as a group of this one sampler does; *values is what it set.
inline absl::Status TickSampler(Sampler& sampler, SeriesTable& table,
                                std::map<std::string, double>* values) {
  table.BeginSampler(1);
  absl::Status status = sampler.Sample(0, table);
  if (!status.ok()) {
    table.BeginSampler(1);
    sampler.SetDown(table);
  }
  values->clear();
  const std::shared_ptr<const Schema> schema = table.schema();
  for (size_t i = 0; i < table.size(); ++i) {
    if (!IsStale(table.values()[i])) {
      (*values)[SeriesText(*schema, i)] = table.values()[i];
    }
  }
  return status;
}

// The first series in the table that the sampler does not declare with this name, these labels,
// this type and this unit; "" if there is none.
inline std::string UndeclaredSeries(const Sampler& sampler, SeriesTable& table) {
  const std::shared_ptr<const Schema> schema = table.schema();
  for (size_t i = 0; i < schema->series.size(); ++i) {
    const MetricInfo& info = schema->metric_of(i);
    const auto declared = [&](const MetricDescriptor& metric) {
      const std::string names = "," + std::string(metric.labels) + ",";
      const auto& labels = schema->series[i].labels.all();
      return metric.name == info.name && metric.type == info.type && metric.unit == info.unit &&
             std::all_of(labels.begin(), labels.end(), [&](const Label& label) {
               return names.find("," + label.name + ",") != std::string::npos;
             });
    };
    const auto metrics = sampler.metrics();
    if (std::none_of(metrics.begin(), metrics.end(), declared)) {
      return SeriesText(*schema, i);
    }
  }
  return "";
}

}  // namespace ronda::agent
