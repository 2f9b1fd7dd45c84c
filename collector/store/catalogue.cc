#include "collector/store/catalogue.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "common/codec/schema_codec.h"

namespace ronda::store {

void Catalogue::LoadNode(int64_t id, NodeInfo node) {
  next_node_ = std::max(next_node_, id + 1);
  node_ids_[node.name] = id;
  Node& entry = nodes_[id];
  entry.id = id;
  entry.info = std::move(node);
}

void Catalogue::LoadSource(int64_t id, SourceRow source) {
  next_source_ = std::max(next_source_, id + 1);
  InsertSource(id, std::move(source));
}

void Catalogue::LoadSchema(int64_t id, std::shared_ptr<const Schema> schema) {
  next_schema_ = std::max(next_schema_, id + 1);
  const SchemaHash hash = codec::HashSchema(*schema);
  InsertSchema(id, hash, std::move(schema));
}

NodeId Catalogue::PutNode(const NodeInfo& node, std::vector<CatalogueWrite>* writes) {
  const auto [it, is_new] = node_ids_.try_emplace(node.name, next_node_);
  next_node_ += is_new ? 1 : 0;
  const NodeId id = it->second;
  Node& entry = nodes_[id];
  entry.id = id;
  if (!is_new && entry.info.labels != node.labels) {
    entry.sources.clear();
  }
  const NodeInfo before = std::move(entry.info);
  entry.info = node;
  if (!is_new) {
    if (before.first_seen_ms != 0) {
      entry.info.first_seen_ms = node.first_seen_ms == 0
                                     ? before.first_seen_ms
                                     : std::min(node.first_seen_ms, before.first_seen_ms);
    }
    entry.info.last_seen_ms = std::max(node.last_seen_ms, before.last_seen_ms);
  }
  writes->push_back({CatalogueWrite::Table::kNode, id, EncodeNodeRow(id, entry.info)});
  return id;
}

const Catalogue::Node* Catalogue::FindNode(NodeId id) const {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : &it->second;
}

const Catalogue::Node* Catalogue::FindNode(std::string_view name) const {
  const auto it = node_ids_.find(name);
  return it == node_ids_.end() ? nullptr : FindNode(it->second);
}

void Catalogue::SawSample(NodeId id, const Epoch& epoch, const SourceEntry& source,
                          const SchemaEntry& schema, int64_t t_ms) {
  SawBlock(source, schema, t_ms);
  NodeInfo& info = nodes_[id].info;
  // What the collector writes about a node, in an epoch of its own, is no sign of life.
  const bool of_agent = info.epoch.id == 0 || info.epoch.id == epoch.id;
  if (of_agent && t_ms > info.last_seen_ms) {
    info.last_seen_ms = t_ms;
    seen_.insert(id);
  }
}

void Catalogue::SawBlock(const SourceEntry& source, const SchemaEntry& schema, int64_t t_ms) {
  SourceInfo& newest = nodes_[source.row.node].newest[source.row.group];
  if (newest.group.name.empty() || t_ms >= newest.last_ms) {
    newest = {source.row.group, schema.hash, t_ms};
  }
  const auto pair = pairs_.find({source.id, schema.id});
  if (pair != pairs_.end() && t_ms > pair->second->t_max_ms) {
    pair->second->t_max_ms = t_ms;
  }
}

bool Catalogue::ShowPair(const SourceEntry& source, const SchemaEntry& schema, int64_t t_ms) {
  const auto pair = pairs_.find({source.id, schema.id});
  if (pair == pairs_.end()) {
    return false;
  }
  if (t_ms > pair->second->t_max_ms) {
    pair->second->t_max_ms = t_ms;
  }
  return true;
}

std::vector<SourceInfo> Catalogue::Sources(NodeId id) const {
  std::vector<SourceInfo> out;
  if (const Node* node = FindNode(id)) {
    for (const auto& [group, info] : node->newest) {
      out.push_back(info);
    }
  }
  std::sort(out.begin(), out.end(),
            [](const SourceInfo& a, const SourceInfo& b) { return a.group < b.group; });
  return out;
}

std::vector<NodeInfo> Catalogue::Nodes() const {
  std::vector<NodeInfo> out;
  out.reserve(nodes_.size());
  for (const auto& [id, node] : nodes_) {
    out.push_back(node.info);
  }
  std::sort(out.begin(), out.end(),
            [](const NodeInfo& a, const NodeInfo& b) { return a.name < b.name; });
  return out;
}

absl::flat_hash_map<NodeId, std::string> Catalogue::NodeNames() const {
  absl::flat_hash_map<NodeId, std::string> names;
  for (const auto& [id, node] : nodes_) {
    names[id] = node.info.name;
  }
  return names;
}

std::vector<CatalogueWrite> Catalogue::TakeSeen() {
  std::vector<CatalogueWrite> writes;
  for (const NodeId id : seen_) {
    writes.push_back({CatalogueWrite::Table::kNode, id, EncodeNodeRow(id, nodes_[id].info)});
  }
  seen_.clear();
  return writes;
}

std::shared_ptr<const SourceEntry> Catalogue::PutSource(NodeId node, const GroupIdentity& group,
                                                        std::vector<CatalogueWrite>* writes) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) {
    return nullptr;
  }
  std::shared_ptr<const SourceEntry>& source = found->second.sources[group];
  if (source == nullptr) {
    source =
        PutSourceRow({node, found->second.info.name, group, found->second.info.labels}, writes);
  }
  return source;
}

std::shared_ptr<const SourceEntry> Catalogue::FindSource(NodeId node,
                                                         const GroupIdentity& group) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) {
    return nullptr;
  }
  const auto source = found->second.sources.find(group);
  return source == found->second.sources.end() ? nullptr : source->second;
}

std::shared_ptr<const SourceEntry> Catalogue::PutSourceRow(const SourceRow& row,
                                                           std::vector<CatalogueWrite>* writes) {
  const auto it = source_ids_.find(row);
  if (it != source_ids_.end()) {
    return sources_[it->second];
  }
  const int64_t id = next_source_++;
  writes->push_back({CatalogueWrite::Table::kSource, id, EncodeSourceRow(id, row)});
  return InsertSource(id, row);
}

std::shared_ptr<const SourceEntry> Catalogue::InsertSource(int64_t id, SourceRow row) {
  std::shared_ptr<const SourceEntry> info = NewSourceEntry(id, std::move(row));
  source_ids_[info->row] = id;
  sources_[id] = info;
  return info;
}

std::shared_ptr<const SourceEntry> Catalogue::FindSource(int64_t id) const {
  const auto it = sources_.find(id);
  return it == sources_.end() ? nullptr : it->second;
}

std::shared_ptr<const SchemaEntry> Catalogue::PutSchema(std::shared_ptr<const Schema> schema,
                                                        std::vector<CatalogueWrite>* writes) {
  const SchemaHash hash = codec::HashSchema(*schema);
  std::shared_ptr<const SchemaEntry> known = FindSchema(hash);
  if (known != nullptr) {
    return known;
  }
  const int64_t id = next_schema_++;
  writes->push_back({CatalogueWrite::Table::kSchema, id, EncodeSchemaRow(id, *schema)});
  return InsertSchema(id, hash, std::move(schema));
}

std::shared_ptr<const SchemaEntry> Catalogue::InsertSchema(int64_t id, const SchemaHash& hash,
                                                           std::shared_ptr<const Schema> schema) {
  std::shared_ptr<const SchemaEntry> info = NewSchemaEntry(id, hash, std::move(schema));
  schemas_[id] = info;
  schema_ids_[hash] = id;
  return info;
}

std::shared_ptr<const SchemaEntry> Catalogue::FindSchema(const SchemaHash& hash) const {
  const auto it = schema_ids_.find(hash);
  return it == schema_ids_.end() ? nullptr : FindSchema(it->second);
}

std::shared_ptr<const SchemaEntry> Catalogue::FindSchema(int64_t id) const {
  const auto it = schemas_.find(id);
  return it == schemas_.end() ? nullptr : it->second;
}

std::vector<MetricInfo> Catalogue::Metrics() const {
  // By id: of two declarations of one name the later one holds.
  std::vector<const SchemaEntry*> schemas;
  for (const auto& [id, schema] : schemas_) {
    schemas.push_back(schema.get());
  }
  std::sort(schemas.begin(), schemas.end(),
            [](const SchemaEntry* a, const SchemaEntry* b) { return a->id < b->id; });
  std::map<std::string_view, const MetricInfo*> by_name;
  for (const SchemaEntry* schema : schemas) {
    for (const MetricInfo& metric : schema->schema->metrics) {
      by_name[metric.name] = &metric;
    }
  }
  std::vector<MetricInfo> out;
  out.reserve(by_name.size());
  for (const auto& [name, metric] : by_name) {
    out.push_back(*metric);
  }
  return out;
}

std::vector<SourceSchema> Catalogue::PairsOf(int64_t source) const {
  std::vector<SourceSchema> out;
  const auto it = schemas_of_source_.find(source);
  if (it != schemas_of_source_.end()) {
    for (const std::shared_ptr<const SchemaEntry>& schema : it->second) {
      out.push_back({FindSource(source), schema});
    }
  }
  return out;
}

void Catalogue::AddPair(const std::shared_ptr<const SourceEntry>& source,
                        const std::shared_ptr<const SchemaEntry>& schema) {
  std::shared_ptr<IndexedPair>& pair = pairs_[{source->id, schema->id}];
  if (pair != nullptr) {
    return;
  }
  // Samples of it may have been seen before.
  constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
  int64_t newest_ms = kNever;
  if (const Node* node = FindNode(source->row.node)) {
    const auto newest = node->newest.find(source->row.group);
    newest_ms = newest == node->newest.end() ? kNever : newest->second.last_ms;
  }
  pair = std::make_shared<IndexedPair>(SourceSchema{source, schema}, kNever, newest_ms);
  pairs_by_node_.insert(
      std::upper_bound(pairs_by_node_.begin(), pairs_by_node_.end(), source->row.node_name,
                       [](const std::string& name, const PairIndex::Pair& other) {
                         return name < other->pair.source->row.node_name;
                       }),
      pair);
  index_.reset();
  // A source rarely has more than one schema; then the series they share count once.
  absl::flat_hash_set<Labels> before;
  std::vector<std::shared_ptr<const SchemaEntry>>& others = schemas_of_source_[source->id];
  for (const std::shared_ptr<const SchemaEntry>& other : others) {
    for (size_t i = 0; i < other->schema->series.size(); ++i) {
      before.insert(SeriesLabels(*source, *other, i));
    }
  }
  others.push_back(schema);
  const size_t n = schema->schema->series.size();
  if (before.empty()) {
    series_ += static_cast<int64_t>(n);
  } else {
    for (size_t i = 0; i < n; ++i) {
      series_ += before.contains(SeriesLabels(*source, *schema, i)) ? 0 : 1;
    }
  }
}

PairIndex Catalogue::Index() const {
  if (!index_) {
    index_.emplace(pairs_by_node_);
  }
  return *index_;
}

}  // namespace ronda::store
