// Sources and schemas as the catalogues in memory hold them, and the series that they make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "collector/store/catalogue_rows.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::store {

// Immutable once in the catalogue, so that readers keep them without a lock.
struct SourceEntry {
  int64_t id = 0;
  SourceRow row;
  // What each series of the source has besides its schema's labels: node, job, instance and the
  // node's own labels.
  Labels target;
};

struct SchemaEntry {
  int64_t id = 0;
  SchemaHash hash{};
  std::shared_ptr<const Schema> schema;
  // Series by metric name, ascending: most selectors name a metric.
  absl::flat_hash_map<std::string_view, std::vector<uint32_t>> by_metric;
};

std::shared_ptr<const SourceEntry> NewSourceEntry(int64_t id, SourceRow row);
std::shared_ptr<const SchemaEntry> NewSchemaEntry(int64_t id, const SchemaHash& hash,
                                                  std::shared_ptr<const Schema> schema);

// Samples of a source under one schema exist, or existed.
struct SourceSchema {
  std::shared_ptr<const SourceEntry> source;
  std::shared_ptr<const SchemaEntry> schema;
};

// node, job, instance: the source's alone, whatever its schema and its node say.
bool IsTargetName(std::string_view name);

// The label set of series `i`. The target labels win over the schema's, which win over the node's
// own.
Labels SeriesLabels(const SourceEntry& source, const SchemaEntry& schema, size_t i);

}  // namespace ronda::store
