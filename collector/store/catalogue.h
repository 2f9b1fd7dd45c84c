// The catalogue in memory: nodes, sources, schemas, and which source has which schema.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "collector/store/pair_index.h"
#include "collector/store/source_schema.h"
#include "collector/store/store.h"
#include "common/base/strings.h"
#include "common/model/schema.h"

namespace ronda::store {

// A catalogue row that is to be written with the next commit.
struct CatalogueWrite {
  enum class Table { kNode, kSource, kSchema };
  Table table{};
  int64_t id = 0;
  std::string data;
};

// Not thread-safe: the store guards it. Ids start at 1 and are those of ronda.db. What a change
// must write is appended to *writes.
class Catalogue {
 public:
  struct Node {
    NodeId id = 0;
    NodeInfo info;
    // Sources by group, with the node's present labels.
    absl::flat_hash_map<GroupIdentity, std::shared_ptr<const SourceEntry>> sources;
    // The newest sample of each group, whatever labels the node had.
    absl::flat_hash_map<GroupIdentity, SourceInfo> newest;
  };

  // Rows as read from a file.
  void LoadNode(int64_t id, NodeInfo node);
  void LoadSource(int64_t id, SourceRow source);
  void LoadSchema(int64_t id, std::shared_ptr<const Schema> schema);

  NodeId PutNode(const NodeInfo& node, std::vector<CatalogueWrite>* writes);
  const Node* FindNode(NodeId id) const;
  const Node* FindNode(std::string_view name) const;
  // A sample of the source arrived. Moves the node's last_seen_ms forward, which is written at the
  // next seal, or at the end.
  void SawSample(NodeId id, const Epoch& epoch, const SourceEntry& source,
                 const SchemaEntry& schema, int64_t t_ms);
  // A block of the source has samples until t_ms.
  void SawBlock(const SourceEntry& source, const SchemaEntry& schema, int64_t t_ms);
  // Readers find the pair at this time as well; false if it is not known.
  bool ShowPair(const SourceEntry& source, const SchemaEntry& schema, int64_t t_ms);
  // The groups of a node, by name.
  std::vector<SourceInfo> Sources(NodeId id) const;
  std::vector<NodeInfo> Nodes() const;
  size_t nodes() const { return nodes_.size(); }
  absl::flat_hash_map<NodeId, std::string> NodeNames() const;
  // Rows of the nodes whose last_seen_ms changed since the last call.
  std::vector<CatalogueWrite> TakeSeen();

  // The source of a group under the node's present labels; made if need be. Null: no such node.
  std::shared_ptr<const SourceEntry> PutSource(NodeId node, const GroupIdentity& group,
                                               std::vector<CatalogueWrite>* writes);
  // The source with exactly this row (of another file); made if need be.
  std::shared_ptr<const SourceEntry> PutSourceRow(const SourceRow& row,
                                                  std::vector<CatalogueWrite>* writes);
  std::shared_ptr<const SourceEntry> FindSource(int64_t id) const;
  // The one that PutSource() would return; null if there is none yet.
  std::shared_ptr<const SourceEntry> FindSource(NodeId node, const GroupIdentity& group) const;

  std::shared_ptr<const SchemaEntry> PutSchema(std::shared_ptr<const Schema> schema,
                                               std::vector<CatalogueWrite>* writes);
  std::shared_ptr<const SchemaEntry> FindSchema(const SchemaHash& hash) const;
  std::shared_ptr<const SchemaEntry> FindSchema(int64_t id) const;
  std::vector<MetricInfo> Metrics() const;

  // Notes that the source has samples under the schema.
  void AddPair(const std::shared_ptr<const SourceEntry>& source,
               const std::shared_ptr<const SchemaEntry>& schema);
  // All pairs. None has samples in the head or in level 0 that are newer than its t_max_ms.
  PairIndex Index() const;
  std::vector<SourceSchema> PairsOf(int64_t source) const;
  int64_t series() const { return series_; }

 private:
  std::shared_ptr<const SourceEntry> InsertSource(int64_t id, SourceRow row);
  std::shared_ptr<const SchemaEntry> InsertSchema(int64_t id, const SchemaHash& hash,
                                                  std::shared_ptr<const Schema> schema);

  absl::flat_hash_map<NodeId, Node> nodes_;
  StringMap<NodeId> node_ids_;
  absl::flat_hash_set<NodeId> seen_;  // last_seen_ms not written yet
  absl::flat_hash_map<int64_t, std::shared_ptr<const SourceEntry>> sources_;
  absl::flat_hash_map<SourceRow, int64_t> source_ids_;
  absl::flat_hash_map<int64_t, std::shared_ptr<const SchemaEntry>> schemas_;
  absl::flat_hash_map<SchemaHash, int64_t> schema_ids_;
  absl::flat_hash_map<std::pair<int64_t, int64_t>, std::shared_ptr<IndexedPair>> pairs_;
  absl::flat_hash_map<int64_t, std::vector<std::shared_ptr<const SchemaEntry>>> schemas_of_source_;
  std::vector<PairIndex::Pair> pairs_by_node_;  // ascending by the nodes' names
  mutable std::optional<PairIndex> index_;      // of pairs_by_node_, if somebody asked for it
  int64_t series_ = 0;
  int64_t next_node_ = 1;
  int64_t next_source_ = 1;
  int64_t next_schema_ = 1;
};

}  // namespace ronda::store
