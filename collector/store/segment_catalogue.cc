#include "collector/store/segment_catalogue.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "collector/store/catalogue_rows.h"
#include "collector/store/sqlite_catalogue_tables.h"
#include "common/base/status.h"
#include "common/codec/schema_codec.h"

namespace ronda::store {
namespace {

// A damaged id may be any number; a new one must still be free.
int64_t NextId(int64_t next, int64_t id) {
  return id == std::numeric_limits<int64_t>::max() ? next : std::max(next, id + 1);
}

}  // namespace

absl::Status SegmentCatalogue::Load(SegmentDb* db) {
  *this = SegmentCatalogue();
  absl::Status damaged;
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(
      db->db(), CatalogueTable::kSources, [&](int64_t id, std::string_view data) {
        absl::StatusOr<SourceRow> row = DecodeSourceRow(id, data);
        next_source_ = NextId(next_source_, id);
        if (row.ok()) {
          sources_[id] = NewSourceEntry(id, *row);
          source_of_[*row] = sources_[id];
        }
        damaged.Update(row.status());
        return absl::OkStatus();
      }));
  RONDA_RETURN_IF_ERROR(ForEachCatalogueRow(
      db->db(), CatalogueTable::kSchemas, [&](int64_t id, std::string_view data) {
        next_schema_ = NextId(next_schema_, id);
        absl::StatusOr<Schema> schema = DecodeSchemaRow(id, data);
        if (schema.ok()) {
          const SchemaHash hash = codec::HashSchema(*schema);
          schemas_[id] =
              NewSchemaEntry(id, hash, std::make_shared<const Schema>(std::move(*schema)));
          schema_of_[hash] = schemas_[id];
        }
        damaged.Update(schema.status());
        return absl::OkStatus();
      }));
  RONDA_ASSIGN_OR_RETURN(const std::vector<SegmentDb::Pair> rows, db->Pairs());
  std::vector<PairIndex::Pair> pairs;
  for (const SegmentDb::Pair& pair : rows) {
    const auto source = sources_.find(pair.source);
    const auto schema = schemas_.find(pair.schema);
    if (source != sources_.end() && schema != schemas_.end()) {
      pairs.push_back(std::make_shared<const IndexedPair>(
          SourceSchema{source->second, schema->second}, pair.t_min_ms, pair.t_max_ms));
    } else {
      orphans_.push_back(
          {source != sources_.end() ? source->second : nullptr, pair.t_min_ms, pair.t_max_ms});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
    return a->pair.source->row.node_name < b->pair.source->row.node_name;
  });
  pairs_ = PairIndex(std::move(pairs));
  return damaged;
}

absl::StatusOr<std::vector<SourceSchema>> SegmentCatalogue::PairsIn(SegmentDb* db,
                                                                    std::string_view node,
                                                                    int64_t window) const {
  std::vector<SourceSchema> pairs;
  for (const auto& [id, source] : sources_) {
    if (source->row.node_name != node) {
      continue;
    }
    RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> schemas, db->SchemasIn(id, window));
    for (const int64_t schema : schemas) {
      const auto it = schemas_.find(schema);
      if (it != schemas_.end()) {
        pairs.push_back({source, it->second});
      }
    }
  }
  return pairs;
}

absl::StatusOr<SourceSchema> SegmentCatalogue::Put(SegmentDb* db, const SourceSchema& of_store) {
  SourceRow row = of_store.source->row;
  row.node = 0;  // the file names the node in each source
  std::shared_ptr<const SourceEntry>& source = source_of_[row];
  if (source == nullptr) {
    const int64_t id = next_source_++;
    RONDA_RETURN_IF_ERROR(
        PutCatalogueRow(db->db(), CatalogueTable::kSources, id, EncodeSourceRow(id, row)));
    source = sources_[id] = NewSourceEntry(id, row);
  }
  std::shared_ptr<const SchemaEntry>& schema = schema_of_[of_store.schema->hash];
  if (schema == nullptr) {
    const int64_t id = next_schema_++;
    RONDA_RETURN_IF_ERROR(PutCatalogueRow(db->db(), CatalogueTable::kSchemas, id,
                                          EncodeSchemaRow(id, *of_store.schema->schema)));
    schema = schemas_[id] = NewSchemaEntry(id, of_store.schema->hash, of_store.schema->schema);
  }
  return SourceSchema{source, schema};
}

}  // namespace ronda::store
