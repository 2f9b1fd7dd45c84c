#include "collector/store/source_schema.h"

#include <string>
#include <utility>

#include "common/model/rule_series.h"

namespace ronda::store {
namespace {

Labels TargetLabels(const SourceRow& row) {
  const bool of_rules = row.group.name.starts_with(kRuleGroups);
  Labels target = of_rules ? Labels() : row.node_labels;
  target.Set("node", of_rules && row.node_name == kNoNode ? std::string_view() : row.node_name);
  target.Set("job", row.group.job);
  if (row.group.instance != kNoInstance) {
    target.Set("instance", row.group.instance.empty() ? row.node_name : row.group.instance);
  }
  return target;
}

}  // namespace

std::shared_ptr<const SourceEntry> NewSourceEntry(int64_t id, SourceRow row) {
  auto info = std::make_shared<SourceEntry>();
  info->id = id;
  info->target = TargetLabels(row);
  info->row = std::move(row);
  return info;
}

std::shared_ptr<const SchemaEntry> NewSchemaEntry(int64_t id, const SchemaHash& hash,
                                                  std::shared_ptr<const Schema> schema) {
  auto info = std::make_shared<SchemaEntry>();
  info->id = id;
  info->hash = hash;
  info->schema = std::move(schema);
  for (uint32_t i = 0; i < info->schema->series.size(); ++i) {
    info->by_metric[info->schema->metric_of(i).name].push_back(i);
  }
  return info;
}

bool IsTargetName(std::string_view name) {
  return name == "node" || name == "job" || name == "instance";
}

Labels SeriesLabels(const SourceEntry& source, const SchemaEntry& schema, size_t i) {
  const Schema::Series& series = schema.schema->series[i];
  std::vector<Label> all;
  all.reserve(source.target.size() + series.labels.size() + 1);
  all = source.target.all();
  for (const Label& label : series.labels.all()) {
    if (!IsTargetName(label.name)) {
      all.push_back(label);
    }
  }
  all.push_back({std::string(kMetricName), schema.schema->metric_of(i).name});
  return Labels(std::move(all));
}

}  // namespace ronda::store
