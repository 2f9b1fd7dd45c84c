#include "collector/store/record_packer.h"

#include <utility>

#include "collector/store/run_decode.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

constexpr int64_t kRunsPerTransaction = 256;
constexpr size_t kBytesAtOnce = 32 << 20;

LostFrames LossOf(const History::RecordRun& run) {
  LostFrames lost;
  lost.run = {run.node, {run.row.key.epoch.id, 0}, run.row.key.first_seq};
  lost.node = run.node_name;
  lost.group = run.row.kind;
  lost.from_ms = run.row.t_min_ms;
  lost.to_ms = run.row.t_max_ms;
  lost.first_seq = run.row.key.first_seq;
  lost.where = "run of records";
  return lost;
}

}  // namespace

void RecordPacker::Add(const std::string& node, const RecordKind& kind, StoredRecord stored) {
  std::string columns;
  for (const RecordColumn& column : kind.columns) {
    columns += static_cast<char>(column.type);
    columns += std::to_string(column.name.size()) + ':' + column.name;
  }
  const int64_t hour = RecordHourOf(stored.record.t_ms);
  RecordBlock& group = groups_[{node, kind.name, hour, std::move(columns)}];
  if (group.records.empty()) {
    group.node = node;
    group.kind = kind.name;
    group.hour = hour;
    group.columns = kind.columns;
  }
  bytes_ += SizeOf(stored.record);
  group.records.push_back(std::move(stored));
}

absl::Status RecordPacker::Flush() {
  std::vector<RecordBlock> groups;
  for (auto& [key, group] : groups_) {
    groups.push_back(std::move(group));
  }
  groups_.clear();
  bytes_ = 0;
  return files_.Merge(std::move(groups));
}

absl::Status RecordPacker::Take(History::RecordRun* run, std::vector<LostFrames>* lost) {
  absl::Status status;
  size_t frames_there = 0;
  size_t decoded = 0;
  const auto take = [&](NodeId, const RunKey&, std::span<const HeadFrame> frames) {
    RecordKind kind;
    size_t frame = 0;
    uint32_t row = 0;
    frames_there = frames.size();
    decoded = DecodeRecords(frames, &kind, [&](size_t n, const Record& record) {
      row = n == frame ? row : 0;
      frame = n;
      Add(run->node_name, kind, {frames[n].order, row++, record});
      if (bytes_ > kBytesAtOnce && status.ok()) {
        status = Flush();
      }
    });
  };
  RONDA_ASSIGN_OR_RETURN(const bool whole, history_.ReadRun(*run, take));
  RONDA_RETURN_IF_ERROR(status);
  run->damaged = run->node == 0 || !whole || decoded < frames_there;
  if (run->damaged) {
    lost->push_back(LossOf(*run));
  }
  return absl::OkStatus();
}

absl::Status RecordPacker::Pass(int64_t end_ms, absl::FunctionRef<bool()> stop) {
  for (;;) {
    RONDA_ASSIGN_OR_RETURN(std::vector<History::RecordRun> runs,
                           history_.RecordsToPack(end_ms, kRunsPerTransaction));
    if (runs.empty() || stop()) {
      return absl::OkStatus();
    }
    groups_.clear();  // of a pass that failed
    bytes_ = 0;
    std::vector<LostFrames> lost;
    for (History::RecordRun& run : runs) {
      RONDA_RETURN_IF_ERROR(Take(&run, &lost));
    }
    RONDA_RETURN_IF_ERROR(Flush());
    if (!lost.empty()) {
      on_lost_(lost);
    }
    RONDA_RETURN_IF_ERROR(history_.RecordsPacked(runs));
  }
}

}  // namespace ronda::store
