#include "collector/store/gap_writer.h"

#include <fmt/format.h>

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

std::string GapKey(const LostFrames& lost) {
  return fmt::format("{}/{:016x}/{}/{}", lost.run.node, lost.run.epoch.id, lost.run.first_seq,
                     lost.first_seq);
}

}  // namespace

absl::Status WriteCorruptGaps(Store* store, const std::vector<LostFrames>& lost,
                              const Clock& clock) {
  if (lost.empty()) {
    return absl::OkStatus();
  }
  std::set<std::string, std::less<>> written;
  RONDA_RETURN_IF_ERROR(store->ScanState(
      kSpace, [&](std::string_view key, std::string_view) { written.emplace(key); }));
  const Epoch epoch{RandomBits(), clock.NowMs()};
  uint64_t seq = 0;
  for (const LostFrames& gap : lost) {
    if (gap.node.empty() || !written.insert(GapKey(gap)).second) {
      continue;
    }
    const Record row{
        gap.to_ms,
        {gap.from_ms, gap.to_ms, gap.group, std::string("corrupt"),
         fmt::format("a damaged {}; lost from frame {} on", gap.where, gap.first_seq)}};
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
    batch.node = gap.run.node;
    batch.epoch = epoch;
    batch.essential = true;
    batch.frames.push_back(std::move(frame));
    batch.state.push_back({std::string(kSpace), GapKey(gap), ""});
    RONDA_RETURN_IF_ERROR(store->Append(std::move(batch)));
  }
  return absl::OkStatus();
}

}  // namespace ronda::store
