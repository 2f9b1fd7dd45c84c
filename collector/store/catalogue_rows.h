// Rows of the catalogue as bytes, for ronda.db and recent.db. Grammar: FORMAT.md, "Catalogue".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/store/store.h"
#include "common/codec/range_set.h"
#include "common/model/labels.h"
#include "common/model/schema.h"

namespace ronda::store {

// What gives the series of a group on a node their target labels. A node whose own labels change
// gets new sources.
struct SourceRow {
  NodeId node = 0;
  std::string node_name;  // so that a repair can do without the node's row
  GroupIdentity group;
  Labels node_labels;
  bool operator==(const SourceRow&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const SourceRow& r) {
    return H::combine(std::move(h), r.node, r.group, r.node_labels);
  }
};

// An epoch of a node, and which of its frames blocks hold.
struct EpochRow {
  Epoch epoch;
  codec::RangeSet sealed;
};

std::string EncodeNodeRow(int64_t id, const NodeInfo& node);
std::string EncodeSourceRow(int64_t id, const SourceRow& source);
std::string EncodeSchemaRow(int64_t id, const Schema& schema);
std::string EncodeEpochRow(NodeId node, const EpochRow& row);

// kDataLoss if the bytes are not what was encoded for this row.
absl::StatusOr<NodeInfo> DecodeNodeRow(int64_t id, std::string_view bytes);
absl::StatusOr<SourceRow> DecodeSourceRow(int64_t id, std::string_view bytes);
absl::StatusOr<Schema> DecodeSchemaRow(int64_t id, std::string_view bytes);
absl::StatusOr<EpochRow> DecodeEpochRow(NodeId node, uint64_t epoch, std::string_view bytes);

}  // namespace ronda::store
