#include "collector/store/gap_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/record_run.h"
#include "common/model/record.h"

namespace ronda::store {
namespace {

// The space of StateWrite that holds which gaps have been written.
constexpr std::string_view kSpace = "store-gap";

struct Gap {
  NodeId node = 0;
  std::string key;  // of its state; "": it is written whatever has been
  std::string cause;
  std::string group;
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  std::string detail;
};

absl::Status Write(Store* store, const std::vector<Gap>& gaps, const Clock& clock) {
  if (gaps.empty()) {
    return absl::OkStatus();
  }
  std::set<std::string, std::less<>> written;
  RONDA_RETURN_IF_ERROR(store->ScanState(
      kSpace, [&](std::string_view key, std::string_view) { written.emplace(key); }));
  const Epoch epoch{RandomBits(), clock.NowMs()};
  uint64_t seq = 0;
  for (const Gap& gap : gaps) {
    if (!gap.key.empty() && !written.insert(gap.key).second) {
      continue;
    }
    const Record row{gap.to_ms, {gap.from_ms, gap.to_ms, gap.group, gap.cause, gap.detail}};
    codec::RecordRunEncoder encoder(0, GapRecord());
    encoder.StartRun();
    FrameEntry frame;
    frame.kind = codec::FrameKind::kRecordKey;
    frame.group.name = GapRecord().name;
    frame.seq = ++seq;
    frame.run_first_seq = seq;
    frame.t_ms = clock.NowMs();
    encoder.Encode(seq, {&row, 1}, &frame.bytes);
    RONDA_ASSIGN_OR_RETURN(const codec::FrameHeader header, codec::ParseFrameHeader(frame.bytes));
    frame.crc = header.crc;
    Batch batch;
    batch.node = gap.node;
    batch.epoch = epoch;
    batch.essential = true;
    batch.frames.push_back(std::move(frame));
    if (!gap.key.empty()) {
      batch.state.push_back({std::string(kSpace), gap.key, ""});
    }
    RONDA_RETURN_IF_ERROR(store->Append(std::move(batch)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteCorruptGaps(Store* store, const std::vector<LostFrames>& lost,
                              const Clock& clock) {
  std::vector<Gap> gaps;
  for (const LostFrames& one : lost) {
    if (!one.node.empty()) {
      gaps.push_back(
          {one.run.node,
           fmt::format("{}/{:016x}/{}/{}", one.run.node, one.run.epoch.id, one.run.first_seq,
                       one.first_seq),
           "corrupt", one.group, one.from_ms, one.to_ms,
           fmt::format("a damaged {}; lost from frame {} on", one.where, one.first_seq)});
    }
  }
  return Write(store, gaps, clock);
}

absl::Status WriteCorruptGaps(Store* store, const std::vector<CorruptPart>& parts,
                              const std::vector<std::pair<NodeId, NodeInfo>>& nodes,
                              const Clock& clock) {
  std::vector<Gap> gaps;
  for (const CorruptPart& part : parts) {
    for (const auto& [id, node] : nodes) {
      const bool had_data = node.first_seen_ms <= part.to_ms;
      // A file may go on into the future, its samples do not.
      const int64_t to_ms = part.node.empty()
                                ? std::max(part.from_ms, std::min(part.to_ms, clock.NowMs()))
                                : part.to_ms;
      if (part.node.empty() ? !had_data : node.name != part.node) {
        continue;
      }
      gaps.push_back({id,
                      fmt::format("history/{}/{}/{}/{}/{}", node.name, part.group, part.from_ms,
                                  part.to_ms, part.detail),
                      "corrupt", part.group, part.from_ms, to_ms, part.detail});
    }
  }
  return Write(store, gaps, clock);
}

absl::Status WriteDroppedGaps(Store* store, std::vector<std::pair<NodeId, DroppedSamples>> dropped,
                              const Clock& clock) {
  std::map<std::pair<NodeId, std::string>, DroppedSamples> merged;
  for (auto& [node, one] : dropped) {
    const auto [it, is_new] = merged.try_emplace({node, one.group}, one);
    if (!is_new) {
      it->second.from_ms = std::min(it->second.from_ms, one.from_ms);
      it->second.to_ms = std::max(it->second.to_ms, one.to_ms);
      it->second.samples += one.samples;
    }
  }
  std::vector<Gap> gaps;
  for (const auto& [of, one] : merged) {
    gaps.push_back(
        {of.first, "", "max_size", of.second, one.from_ms, one.to_ms,
         fmt::format("{} samples dropped: retention.max_size is less than the last hours "
                     "need",
                     one.samples)});
  }
  return Write(store, gaps, clock);
}

}  // namespace ronda::store
