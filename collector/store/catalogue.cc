#include "collector/store/catalogue.h"

#include <algorithm>
#include <map>

#include "common/codec/schema_codec.h"

namespace ronda::store {
namespace {

Labels TargetLabels(const SourceRow& row) {
  Labels target = row.node_labels;
  target.Set("node", row.node_name);
  target.Set("job", row.group.job);
  target.Set("instance", row.group.instance.empty() ? row.node_name : row.group.instance);
  return target;
}

bool IsTargetName(std::string_view name) {
  return name == "node" || name == "job" || name == "instance";
}

// The value of a label of one series, by the precedence of SeriesLabels().
std::string_view ValueOf(const SourceSchema& pair, const Schema::Series& series,
                         std::string_view name) {
  if (name == kMetricName) {
    return pair.schema->schema->metrics[series.metric].name;
  }
  if (!IsTargetName(name)) {
    const std::string_view own = series.labels.Get(name);
    if (!own.empty()) {
      return own;
    }
  }
  return pair.source->target.Get(name);
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

Labels SeriesLabels(const SourceEntry& source, const SchemaEntry& schema, size_t i) {
  const Schema::Series& series = schema.schema->series[i];
  std::vector<Label> all = source.target.all();
  all.reserve(all.size() + series.labels.size() + 1);
  for (const Label& label : series.labels.all()) {
    if (!IsTargetName(label.name)) {
      all.push_back(label);
    }
  }
  all.push_back({std::string(kMetricName), schema.schema->metric_of(i).name});
  return Labels(std::move(all));
}

std::vector<uint32_t> MatchSeries(const SourceSchema& pair, const std::vector<Matcher>& matchers) {
  // Matchers on target labels decide about all series at once, an equality on the name about most.
  const std::string* metric = nullptr;
  for (const Matcher& matcher : matchers) {
    if (IsTargetName(matcher.name())) {
      if (!matcher.Matches(pair.source->target.Get(matcher.name()))) {
        return {};
      }
    } else if (matcher.name() == kMetricName && matcher.type() == Matcher::Type::kEqual) {
      metric = &matcher.value();
    }
  }
  const Schema& schema = *pair.schema->schema;
  std::vector<uint32_t> out;
  const auto consider = [&](uint32_t i) {
    for (const Matcher& matcher : matchers) {
      if (!IsTargetName(matcher.name()) &&
          !matcher.Matches(ValueOf(pair, schema.series[i], matcher.name()))) {
        return;
      }
    }
    out.push_back(i);
  };
  if (metric != nullptr) {
    const auto it = pair.schema->by_metric.find(*metric);
    if (it != pair.schema->by_metric.end()) {
      std::for_each(it->second.begin(), it->second.end(), consider);
    }
    return out;
  }
  for (uint32_t i = 0; i < schema.series.size(); ++i) {
    consider(i);
  }
  return out;
}

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
  if (!known_pairs_.insert({source->id, schema->id}).second) {
    return;
  }
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
  pairs_.push_back({source, schema});
}

}  // namespace ronda::store
