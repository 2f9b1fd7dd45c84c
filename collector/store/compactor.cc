#include "collector/store/compactor.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "collector/store/segment_span.h"
#include "collector/store/window_packer.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

constexpr auto kPeriod = std::chrono::minutes(10);
constexpr auto kFirstPass = std::chrono::minutes(1);
constexpr auto kPeriodOfLittleRoom = std::chrono::minutes(1);
constexpr auto kPeriodOfNoRoom = std::chrono::seconds(5);
// So often the size is looked at if there is a limit.
constexpr auto kPeriodOfSize = std::chrono::seconds(5);
// A window is compacted when it ended so long ago: nearly all of its blocks are sealed then.
constexpr int64_t kLagMs = 600'000;
// recent.db fills up for two hours and is emptied then: so many passes see it at its fullest.
constexpr size_t kPassesOfFill = 24;
// Less is not worth the writing.
constexpr int64_t kRoomWorthReturning = int64_t{4} << 20;

LostFrames LossOf(const DueBlock& due) {
  LostFrames lost;
  const BlockRow& row = due.block.block.row;
  lost.run = {due.pair.source->row.node, {row.key.epoch, 0}, row.key.first_seq};
  lost.node = due.pair.source->row.node_name;
  lost.group = due.pair.source->row.group.name;
  lost.from_ms = row.t_min_ms;
  lost.to_ms = row.t_max_ms;
  lost.first_seq = row.key.first_seq;
  lost.where = "block";
  return lost;
}

}  // namespace

void Compactor::Start() {
  thread_ = StartThread("store-compact", [this] { Run(); });
}

void Compactor::Stop() {
  {
    MutexLock lock(&thread_mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Compactor::stopping() const {
  MutexLock lock(&thread_mu_);
  return stop_;
}

void Compactor::Run() {
  using Time = std::chrono::steady_clock;
  bool failing = false;
  Time::time_point next = Time::now() + kFirstPass;
  Time::time_point last;
  for (;;) {
    bool due = false;
    {
      MutexLock lock(&thread_mu_);
      if (!stop_ && !hurry_ && !found_corrupt_) {
        const Time::duration wait = next - Time::now();
        wake_.WaitFor(&thread_mu_, limited_ ? std::min<Time::duration>(wait, kPeriodOfSize) : wait);
      }
      if (stop_) {
        return;
      }
      due = hurry_ || Time::now() >= next;
      hurry_ = false;
      found_corrupt_ = false;
    }
    on_corrupt_();
    absl::Status status;
    if (!due && limited_) {
      const absl::StatusOr<bool> tight = KeepSize();
      status = tight.status();
      due = tight.ok() && *tight && Time::now() - last >= kPeriodOfLittleRoom;
    }
    if (!due && status.ok()) {
      continue;
    }
    last = Time::now();
    status = due ? Round() : status;
    const DiskState disk = disk_.state();
    next = Time::now() + (disk == DiskState::kHard   ? kPeriodOfNoRoom
                          : disk == DiskState::kSoft ? kPeriodOfLittleRoom
                                                     : kPeriod);
    if (!status.ok() && !failing) {
      obs::Error("store", "compaction failed, trying again: {}", Message(status));
    }
    failing = !status.ok();
  }
}

void Compactor::Hurry() {
  MutexLock lock(&thread_mu_);
  hurry_ = true;
  wake_.SignalAll();
}

void Compactor::FoundCorrupt() {
  MutexLock lock(&thread_mu_);
  found_corrupt_ = true;
  wake_.SignalAll();
}

absl::StatusOr<bool> Compactor::KeepSize() {
  MutexLock pass(&pass_mu_);
  RONDA_ASSIGN_OR_RETURN(const bool too_much, retention_.IsTooMuch());
  if (too_much) {
    RONDA_RETURN_IF_ERROR(retention_.Enforce());
  }
  return retention_.IsTight();
}

absl::Status Compactor::Round() {
  if (disk_.full()) {
    MutexLock pass(&pass_mu_);
    return retention_.Enforce();
  }
  return Pass(false);
}

std::map<NodeId, std::vector<Compactor::Waiting>> Compactor::RunsInHead() const {
  std::map<NodeId, std::vector<Waiting>> runs;
  MutexLock lock(&state_.mu);
  state_.head.ForEachRun([&](const EpochState& epoch, const HeadRun& run) {
    if (run.schema != nullptr && !run.frames.empty()) {
      runs[epoch.node].push_back(
          {run.source->row.group, run.t_min_ms, run.t_max_ms, run.frames.front().order});
    }
  });
  return runs;
}

absl::Status Compactor::Pass(bool all) {
  MutexLock pass(&pass_mu_);
  absl::Status status = PassOnce(all);
  if (absl::IsDataLoss(status)) {
    const absl::StatusOr<bool> mended = mend_(status);
    if (!mended.ok()) {
      return Annotate(mended.status(), Message(status));
    }
    status = *mended ? PassOnce(all) : status;
  }
  return status;
}

absl::Status Compactor::PassOnce(bool all) {
  RONDA_RETURN_IF_ERROR(retention_.Enforce());
  RONDA_RETURN_IF_ERROR(PutAsideUnreadable());
  RONDA_ASSIGN_OR_RETURN(const int64_t used_before, history_.UsedBytes());
  // What is in a block is not in the journal any more, or a replay would look for the block.
  RONDA_RETURN_IF_ERROR(sealer_.Pass(false));
  std::map<NodeId, std::vector<Waiting>> in_head = RunsInHead();
  RONDA_ASSIGN_OR_RETURN(const bool tight, retention_.IsTight());
  all = all || tight;
  const int64_t end_ms =
      all ? std::numeric_limits<int64_t>::max() : WindowStartMs(WindowOf(clock_.NowMs() - kLagMs));
  RONDA_ASSIGN_OR_RETURN(const std::vector<int64_t> sources, history_.SourcesToCompact(end_ms));
  std::map<NodeId, std::vector<int64_t>> by_node;
  {
    MutexLock lock(&state_.mu);
    for (const int64_t id : sources) {
      const std::shared_ptr<const SourceEntry> source = state_.catalogue.FindSource(id);
      if (source != nullptr) {
        by_node[source->row.node].push_back(id);
      }
    }
  }
  for (const auto& [node, ids] : by_node) {
    if (stopping()) {
      break;
    }
    RONDA_RETURN_IF_ERROR(CompactNode(node, ids, end_ms, std::move(in_head[node])));
  }
  level_.CloseIdle();
  on_corrupt_();
  absl::Status records =
      records_.Pass(all ? end_ms : RecordHourOf(clock_.NowMs() - kLagMs) * kRecordHourMs,
                    [this] { return stopping(); });
  records.Update(retention_.Enforce());
  RONDA_RETURN_IF_ERROR(records);
  return ReturnRoom(used_before, all);
}

absl::Status Compactor::ReturnRoom(int64_t before, bool all) {
  used_.push_back(before);
  if (used_.size() > kPassesOfFill) {
    used_.pop_front();
  }
  RONDA_ASSIGN_OR_RETURN(int64_t needed, history_.UsedBytes());
  if (!all) {
    if (used_.size() < kPassesOfFill) {
      return absl::OkStatus();
    }
    needed = std::max(needed, *std::max_element(used_.begin(), used_.end()));
  }
  if (history_.FileBytes() <= 2 * needed + kRoomWorthReturning) {
    return absl::OkStatus();
  }
  // A list of free pages that is damaged says that there is room, and is no reason to pack nothing.
  const absl::Status returned = history_.ReturnPages();
  if (absl::IsDataLoss(returned)) {
    obs::Error("store", "giving back room: {}", Message(returned));
    return absl::OkStatus();
  }
  return returned;
}

absl::Status Compactor::PutAsideUnreadable() {
  for (Segments* const level : {level_.raw.get(), level_.minute.get(), level_.hour.get()}) {
    for (const std::shared_ptr<SegmentFile>& file : level->All()) {
      if (file->unreadable()) {
        RONDA_RETURN_IF_ERROR(level->PutAside(
            file, clock_.NowMs(),
            Fail(absl::StatusCode::kDataLoss, "{} cannot be opened", file->path())));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Compactor::Write(Segments* level, int64_t window, int64_t span_windows,
                              const std::vector<PackedWindow>& packed) {
  RONDA_ASSIGN_OR_RETURN(std::shared_ptr<SegmentFile> file,
                         level->ForWriting(window, span_windows));
  const absl::Status written = file->Write(packed);
  if (!absl::IsDataLoss(written)) {
    return written;
  }
  RONDA_RETURN_IF_ERROR(level->PutAside(file, clock_.NowMs(), written));
  RONDA_ASSIGN_OR_RETURN(file, level->ForWriting(window, span_windows));
  return file->Write(packed);
}

absl::StatusOr<std::vector<DueBlock>> Compactor::FindDue(History::Moment* now,
                                                         const std::vector<int64_t>& sources,
                                                         int64_t end_ms) const {
  std::vector<DueBlock> due;
  for (const int64_t id : sources) {
    RONDA_ASSIGN_OR_RETURN(const std::vector<History::Uncompacted> blocks,
                           now->BlocksToCompact(id, end_ms));
    MutexLock lock(&state_.mu);
    const std::shared_ptr<const SourceEntry> source = state_.catalogue.FindSource(id);
    for (const History::Uncompacted& block : blocks) {
      due.push_back({block, {source, state_.catalogue.FindSchema(block.schema)}, {}, true});
    }
  }
  for (DueBlock& block : due) {
    RONDA_RETURN_IF_ERROR(now->ReadBlock(block.block, {}, [&](BlockHeader header, const auto&) {
      block.header = std::move(header);
      block.damaged = block.header.t_ms.empty();
    }));
  }
  return due;
}

void Compactor::HoldBack(std::vector<Waiting> waiting, std::vector<DueBlock>* due) {
  for (size_t i = 0; i < waiting.size(); ++i) {
    std::erase_if(*due, [&](const DueBlock& block) {
      const BlockRow& row = block.block.block.row;
      const GroupIdentity& group = block.pair.source->row.group;
      const bool waits =
          group.job == waiting[i].group.job && group.instance == waiting[i].group.instance &&
          row.t_min_ms <= waiting[i].t_max_ms && row.t_max_ms >= waiting[i].t_min_ms &&
          block.block.block.last_order > waiting[i].first_order;
      if (waits && !block.damaged) {
        waiting.push_back({group, row.t_min_ms, row.t_max_ms, block.header.order.front()});
      }
      return waits;
    });
  }
}

absl::Status Compactor::CompactNode(NodeId node, const std::vector<int64_t>& sources,
                                    int64_t end_ms, std::vector<Waiting> waiting) {
  std::string name;
  {
    MutexLock lock(&state_.mu);
    const Catalogue::Node* const known = state_.catalogue.FindNode(node);
    name = known != nullptr ? known->info.name : "";
  }
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<History::Moment> now, history_.Now());
  RONDA_ASSIGN_OR_RETURN(std::vector<DueBlock> due, FindDue(now.get(), sources, end_ms));
  HoldBack(std::move(waiting), &due);
  std::map<int64_t, std::vector<DueBlock*>> windows;
  for (DueBlock& block : due) {
    const int64_t after_ms =
        block.block.block.through_ms.value_or(std::numeric_limits<int64_t>::min());
    std::set<int64_t> of_block;
    for (const int64_t t : block.header.t_ms) {
      if (t > after_ms && t <= end_ms) {
        of_block.insert(WindowOf(t));
      }
    }
    for (const int64_t window : of_block) {
      windows[window].push_back(&block);
    }
  }
  for (const auto& [window, blocks] : windows) {
    RONDA_RETURN_IF_ERROR(CompactWindow(now.get(), name, window, blocks));
  }
  return Report(due);
}

absl::Status Compactor::CompactWindow(History::Moment* now, std::string_view node, int64_t window,
                                      const std::vector<DueBlock*>& blocks) {
  RONDA_ASSIGN_OR_RETURN(const std::shared_ptr<SegmentFile> file,
                         level_.raw->ForWriting(window, retention_.SpanWindows(*level_.raw)));
  PackStats stats;
  RONDA_ASSIGN_OR_RETURN(const PackedNode packed,
                         WindowPacker(now, file.get(), node, window, blocks).Pack(&stats));
  // The samples first: a pass that was cut off here finds them, and writes the roll-ups anew.
  for (const auto& [segments, rows] :
       {std::pair(level_.raw.get(), &packed.raw), std::pair(level_.minute.get(), &packed.minute),
        std::pair(level_.hour.get(), &packed.hour)}) {
    RONDA_RETURN_IF_ERROR(Write(segments, window, retention_.SpanWindows(*segments), *rows));
  }
  std::vector<const History::Uncompacted*> done;
  for (const DueBlock* const block : blocks) {
    done.push_back(&block->block);
  }
  RONDA_RETURN_IF_ERROR(history_.Compacted(done, WindowEndMs(window)));
  MutexLock lock(&state_.mu);
  state_.duplicate_samples += stats.duplicates;
  state_.conflicting_samples += stats.conflicts;
  return absl::OkStatus();
}

absl::Status Compactor::Report(const std::vector<DueBlock>& due) {
  std::vector<LostFrames> lost;
  std::vector<const History::Uncompacted*> unreadable;
  for (const DueBlock& block : due) {
    if (block.damaged) {
      lost.push_back(LossOf(block));
    }
    if (block.header.t_ms.empty()) {
      unreadable.push_back(&block.block);
    }
  }
  if (!lost.empty()) {
    on_lost_(lost);
  }
  return history_.Quarantine(unreadable);
}

}  // namespace ronda::store
