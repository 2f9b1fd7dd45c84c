#include "collector/ingest/own_frames.h"

#include <algorithm>
#include <utility>

#include "common/codec/frame.h"
#include "common/codec/schema_codec.h"

namespace ronda::ingest {
namespace {

// Fills in what the frame says of itself; a key frame begins a run.
void Complete(uint64_t* run_first_seq, store::FrameEntry* entry) {
  const auto header = codec::ParseFrameHeader(entry->bytes);
  if (header.ok()) {
    entry->kind = header->kind;
    entry->crc = header->crc;
  }
  if (codec::IsKey(entry->kind)) {
    *run_first_seq = entry->seq;
  }
  entry->run_first_seq = *run_first_seq;
}

}  // namespace

store::FrameEntry OwnFrames::Samples(store::NodeId node, const GroupIdentity& group,
                                     const std::shared_ptr<const Schema>& schema, int64_t t_ms,
                                     std::span<const double> values) {
  NodeFrames& frames = nodes_[node];
  SampleGroup& state = frames.samples[group.name];
  if (state.encoder == nullptr) {
    state.encoder = std::make_unique<codec::SampleRunEncoder>(frames.next_group++, group);
  }
  if (state.schema != schema) {
    state.schema = schema;
    state.hash = codec::HashSchema(*schema);
    state.encoder->StartRun(schema);
  }
  store::FrameEntry entry;
  entry.group = group;
  entry.schema = state.hash;
  entry.seq = frames.next_seq++;
  entry.t_ms = t_ms;
  state.encoder->Encode(entry.seq, t_ms, values, &entry.bytes);
  Complete(&state.run_first_seq, &entry);
  return entry;
}

std::vector<store::FrameEntry> OwnFrames::Records(store::NodeId node, const RecordKind& kind,
                                                  std::span<const Record> rows) {
  NodeFrames& frames = nodes_[node];
  RecordGroup& state = frames.records[kind.name];
  if (state.encoder == nullptr) {
    state.encoder = std::make_unique<codec::RecordRunEncoder>(frames.next_group++, kind);
  }
  std::vector<store::FrameEntry> entries;
  while (!rows.empty()) {
    // At least one: texts that alone are too long are cut by the encoder.
    const size_t fit = std::max<size_t>(state.encoder->RowsThatFit(rows), 1);
    store::FrameEntry entry;
    entry.group.name = kind.name;
    entry.seq = frames.next_seq++;
    entry.t_ms = rows.front().t_ms;
    state.encoder->Encode(entry.seq, rows.first(fit), &entry.bytes);
    Complete(&state.run_first_seq, &entry);
    entries.push_back(std::move(entry));
    rows = rows.subspan(fit);
  }
  return entries;
}

void OwnFrames::Restart(store::NodeId node) {
  const auto it = nodes_.find(node);
  if (it == nodes_.end()) {
    return;
  }
  for (auto& [name, samples] : it->second.samples) {
    samples.schema = nullptr;
  }
  for (auto& [name, records] : it->second.records) {
    records.encoder->StartRun();
  }
}

}  // namespace ronda::ingest
