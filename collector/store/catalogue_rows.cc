#include "collector/store/catalogue_rows.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "collector/store/checked_bytes.h"
#include "collector/store/packed_schema.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

using codec::ByteReader;
using codec::PutBytes;
using codec::PutSigned;
using codec::PutU64;
using codec::PutVarint;

std::string NodeKey(int64_t id) { return fmt::format("node/{}", id); }
std::string SourceKey(int64_t id) { return fmt::format("source/{}", id); }
std::string SchemaKey(int64_t id) { return fmt::format("schema/{}", id); }
std::string EpochKey(NodeId node, uint64_t epoch) {
  return fmt::format("epoch/{}/{}", node, epoch);
}

absl::Status Damaged(const std::string& key) {
  return Fail(absl::StatusCode::kDataLoss, "catalogue row {} is damaged", key);
}

void PutLabels(std::string* out, const Labels& labels) {
  PutVarint(out, labels.size());
  for (const Label& label : labels.all()) {
    PutBytes(out, label.name);
    PutBytes(out, label.value);
  }
}

Labels ReadLabels(ByteReader* in) {
  std::vector<Label> labels;
  const uint64_t n = in->Varint();
  for (uint64_t i = 0; i < n && in->ok(); ++i) {
    std::string name(in->Bytes());
    labels.push_back({std::move(name), std::string(in->Bytes())});
  }
  return Labels(std::move(labels));
}

}  // namespace

std::string EncodeNodeRow(int64_t id, const NodeInfo& node) {
  std::string out;
  PutBytes(&out, node.name);
  PutLabels(&out, node.labels);
  PutBytes(&out, node.agent_version);
  PutBytes(&out, node.boot_id);
  PutSigned(&out, node.first_seen_ms);
  PutSigned(&out, node.last_seen_ms);
  PutU64(&out, node.epoch.id);
  PutSigned(&out, node.epoch.started_ms);
  out.push_back(node.said_goodbye ? 1 : 0);
  return AddChecksum(NodeKey(id), out);
}

absl::StatusOr<NodeInfo> DecodeNodeRow(int64_t id, std::string_view bytes) {
  const std::optional<std::string_view> content = CheckedContent(NodeKey(id), bytes);
  if (!content) {
    return Damaged(NodeKey(id));
  }
  ByteReader in(*content);
  NodeInfo node;
  node.name = in.Bytes();
  node.labels = ReadLabels(&in);
  node.agent_version = in.Bytes();
  node.boot_id = in.Bytes();
  node.first_seen_ms = in.Signed();
  node.last_seen_ms = in.Signed();
  node.epoch.id = in.U64();
  node.epoch.started_ms = in.Signed();
  node.said_goodbye = in.U8() != 0;
  if (!in.done()) {
    return Damaged(NodeKey(id));
  }
  return node;
}

std::string EncodeSourceRow(int64_t id, const SourceRow& source) {
  std::string out;
  PutSigned(&out, source.node);
  PutBytes(&out, source.node_name);
  PutBytes(&out, source.group.name);
  PutBytes(&out, source.group.job);
  PutBytes(&out, source.group.instance);
  PutLabels(&out, source.node_labels);
  return AddChecksum(SourceKey(id), out);
}

absl::StatusOr<SourceRow> DecodeSourceRow(int64_t id, std::string_view bytes) {
  const std::optional<std::string_view> content = CheckedContent(SourceKey(id), bytes);
  if (!content) {
    return Damaged(SourceKey(id));
  }
  ByteReader in(*content);
  SourceRow source;
  source.node = in.Signed();
  source.node_name = in.Bytes();
  source.group.name = in.Bytes();
  source.group.job = in.Bytes();
  source.group.instance = in.Bytes();
  source.node_labels = ReadLabels(&in);
  if (!in.done()) {
    return Damaged(SourceKey(id));
  }
  return source;
}

std::string EncodeSchemaRow(int64_t id, const Schema& schema) {
  return AddChecksum(SchemaKey(id), PackSchema(schema));
}

absl::StatusOr<Schema> DecodeSchemaRow(int64_t id, std::string_view bytes) {
  const std::optional<std::string_view> content = CheckedContent(SchemaKey(id), bytes);
  if (!content) {
    return Damaged(SchemaKey(id));
  }
  return UnpackSchema(*content);
}

std::string EncodeEpochRow(NodeId node, const EpochRow& row) {
  std::string out;
  PutSigned(&out, row.epoch.started_ms);
  PutBytes(&out, row.sealed.Encode());
  return AddChecksum(EpochKey(node, row.epoch.id), out);
}

absl::StatusOr<EpochRow> DecodeEpochRow(NodeId node, uint64_t epoch, std::string_view bytes) {
  const std::optional<std::string_view> content = CheckedContent(EpochKey(node, epoch), bytes);
  if (!content) {
    return Damaged(EpochKey(node, epoch));
  }
  ByteReader in(*content);
  EpochRow row;
  row.epoch.id = epoch;
  row.epoch.started_ms = in.Signed();
  RONDA_ASSIGN_OR_RETURN(row.sealed, codec::RangeSet::Decode(in.Bytes()));
  if (!in.done()) {
    return Damaged(EpochKey(node, epoch));
  }
  return row;
}

}  // namespace ronda::store
