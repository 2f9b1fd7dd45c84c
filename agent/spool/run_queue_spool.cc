// The run queue as the spool's thread sees it. Tested by tests/property/spool_property_test.cc.
#include <algorithm>
#include <utility>

#include "agent/spool/run_queue.h"

namespace ronda::agent {
namespace {

// What is read ahead for the backfill lane.
constexpr size_t kReadAheadRuns = 8;
constexpr size_t kReadAheadBytes = 512 << 10;
// A row's own columns and its share of the file's pages.
constexpr int64_t kRowBytes = 96;

}  // namespace

// Only a closed run that is on disk as a whole. One that is yet to be sent forgets its numbers too;
// of one that is under way they are needed for its acknowledgement.
void RunQueue::EvictLocked(Run* run) {
  if (run->open || !run->in_memory || run->on_disk < run->count) {
    return;
  }
  const auto next = backfill_.begin();
  if (next != backfill_.end() && *next == run->key) {
    return;  // on its way
  }
  bytes_ -= run->bytes;
  run->in_memory = false;
  const bool comes_again = !connected_ || backfill_.contains(run->key);
  if (run->unsettled == run->count && comes_again) {
    run->frames = {};
    return;
  }
  for (Frame& frame : run->frames) {
    frame.bytes.reset();
  }
}

void RunQueue::AddKept(std::vector<KeptRun> runs) {
  MutexLock lock(&mu_);
  std::vector<EpochId> epochs;
  for (const KeptRun& run : runs) {
    if (std::find(epochs.begin(), epochs.end(), run.epoch) == epochs.end()) {
      epochs.push_back(run.epoch);
    }
  }
  std::sort(epochs.begin(), epochs.end(), InOrder);
  for (size_t i = 0; i < epochs.size(); ++i) {
    epochs_[static_cast<uint32_t>(i)] = epochs[i];
  }
  for (KeptRun& kept : runs) {
    const auto at = std::find(epochs.begin(), epochs.end(), kept.epoch);
    auto run = std::make_unique<Run>();
    run->key = {static_cast<uint32_t>(at - epochs.begin()), kept.first_seq};
    run->group = kept.group;
    run->schema = std::move(kept.schema);
    run->hash = kept.hash;
    run->last_seq = kept.last_seq;
    run->from_ms = kept.from_ms;
    run->to_ms = kept.to_ms;
    run->open = false;
    run->in_memory = false;
    run->bytes = static_cast<size_t>(kept.bytes);
    run->count = kept.frames;
    run->unsettled = kept.frames;
    run->on_disk = kept.frames;
    run->disk_bytes = kept.bytes + kRowBytes;
    disk_bytes_ += run->disk_bytes;
    runs_[run->key] = std::move(run);
  }
  while (epochs.size() > kMaxKeptEpochs) {
    const auto number = static_cast<uint32_t>(runs_.begin()->first.epoch);
    while (!runs_.empty() && runs_.begin()->first.epoch == number) {
      DropLocked(runs_.begin(), "overflow",
                 "the agent was started too often while no collector was there",
                 &counters_.overflow_frames);
    }
    epochs.pop_back();
  }
}

void RunQueue::AddStopped(const std::vector<EpochId>& epochs) {
  MutexLock lock(&mu_);
  stopped_ = epochs;
  std::sort(stopped_.begin(), stopped_.end(), InOrder);
}

uint32_t RunQueue::OldestWaitLocked() const {
  const uint32_t now = NowMs();
  uint32_t oldest = 0;
  for (auto it = runs_.lower_bound({present_, 0}); it != runs_.end(); ++it) {
    for (const Frame& frame : it->second->frames) {
      if (!frame.settled) {
        oldest = std::max(oldest, now - frame.at_ms);
        break;
      }
    }
  }
  return oldest;
}

std::chrono::milliseconds RunQueue::oldest_wait() const {
  MutexLock lock(&mu_);
  return std::chrono::milliseconds(OldestWaitLocked());
}

std::vector<RunKey> RunQueue::WantedLocked() const {
  std::vector<RunKey> wanted;
  size_t bytes = 0;
  if (!connected_) {
    return wanted;
  }
  size_t seen = 0;
  for (const RunKey& key : backfill_) {
    const Run& run = *runs_.at(key);
    bytes += run.bytes;
    if (!run.in_memory) {
      wanted.push_back(key);
    }
    if (++seen >= kReadAheadRuns || bytes >= kReadAheadBytes) {
      break;
    }
  }
  return wanted;
}

void RunQueue::WaitForSpool(std::chrono::milliseconds timeout) {
  MutexLock lock(&mu_);
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!spool_woken_) {
    const bool must_read =
        connected_ && credit_ > 0 && !backfill_.empty() && !runs_.at(*backfill_.begin())->in_memory;
    const auto now = std::chrono::steady_clock::now();
    if (must_read || now >= until) {
      break;
    }
    spool_cv_.WaitFor(&mu_, until - now);
  }
  spool_woken_ = false;
}

void RunQueue::WakeSpool() {
  MutexLock lock(&mu_);
  spool_woken_ = true;
  spool_cv_.SignalAll();
}

SpoolWork RunQueue::TakeSpoolWork(bool all, size_t max_bytes) {
  MutexLock lock(&mu_);
  SpoolWork work;
  work.remove = remove_;
  work.read = WantedLocked();
  if (!all && OldestWaitLocked() < options_.spool_after.count()) {
    return work;
  }
  size_t bytes = 0;
  for (auto it = runs_.begin(); it != runs_.end() && bytes < max_bytes; ++it) {
    const Run& run = *it->second;
    if (!run.in_memory || run.unsettled == 0 || run.on_disk >= run.count) {
      continue;
    }
    Piece piece{run.key, epochs_.at(run.key.epoch), run.group, run.schema, run.hash, {}};
    for (auto frame = run.frames.begin() + run.on_disk; frame != run.frames.end(); ++frame) {
      piece.frames.push_back({frame->seq, frame->t_ms, frame->bytes});
      bytes += frame->bytes->size();
    }
    work.write.push_back(std::move(piece));
  }
  return work;
}

void RunQueue::Spooled(const SpoolWork& work) {
  MutexLock lock(&mu_);
  for (const SpoolWork::Run& removed : work.remove) {
    if (const auto it = std::find(remove_.begin(), remove_.end(), removed); it != remove_.end()) {
      remove_.erase(it);
    }
  }
  for (const Piece& piece : work.write) {
    const auto it = runs_.find(piece.key);
    if (it == runs_.end()) {
      remove_.push_back({piece.epoch.id, piece.key.first_seq});  // acknowledged meanwhile
      continue;
    }
    Run& run = *it->second;
    int64_t bytes = kRowBytes;
    for (const KeptFrame& frame : piece.frames) {
      bytes += static_cast<int64_t>(frame.bytes->size());
    }
    run.on_disk += static_cast<int64_t>(piece.frames.size());
    run.disk_bytes += bytes;
    disk_bytes_ += bytes;
  }
  EnforceLimitLocked();
}

void RunQueue::Loaded(const RunKey& key, const std::vector<KeptFrame>& frames) {
  MutexLock lock(&mu_);
  const auto it = runs_.find(key);
  if (it == runs_.end() || it->second->in_memory) {
    return;
  }
  Run& run = *it->second;
  bool same = static_cast<int64_t>(frames.size()) == run.count && !frames.empty() &&
              frames.front().seq == key.first_seq && frames.back().seq == run.last_seq;
  for (size_t i = 0; same && i < run.frames.size(); ++i) {
    same = run.frames[i].seq == frames[i].seq;
  }
  if (!same) {
    DropLocked(it, "corrupt", "spool.db holds other frames than were written",
               &counters_.corrupt_frames);
    cv_.SignalAll();
    return;
  }
  if (run.frames.empty()) {
    run.frames.reserve(frames.size());
    for (const KeptFrame& frame : frames) {
      run.frames.push_back({frame.seq, frame.t_ms, nullptr, NowMs(), false});
    }
  }
  run.bytes = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    run.frames[i].bytes = frames[i].bytes;
    run.bytes += frames[i].bytes->size();
  }
  run.in_memory = true;
  bytes_ += run.bytes;
  cv_.SignalAll();
}

void RunQueue::LostOnDisk(const RunKey& key, const std::string& detail) {
  MutexLock lock(&mu_);
  const auto it = runs_.find(key);
  if (it == runs_.end()) {
    return;
  }
  Run& run = *it->second;
  if (!run.in_memory) {
    DropLocked(it, "corrupt", detail, &counters_.corrupt_frames);
    cv_.SignalAll();
    return;
  }
  remove_.push_back({epochs_.at(key.epoch).id, key.first_seq});
  disk_bytes_ -= run.disk_bytes;
  run.on_disk = 0;
  run.disk_bytes = 0;
}

void RunQueue::LostDisk(const std::string& detail) {
  MutexLock lock(&mu_);
  for (auto it = runs_.begin(); it != runs_.end();) {
    Run& run = *it->second;
    disk_bytes_ -= run.disk_bytes;
    run.on_disk = 0;
    run.disk_bytes = 0;
    it = run.in_memory ? std::next(it)
                       : DropLocked(it, "corrupt", detail, &counters_.corrupt_frames);
  }
  remove_.clear();
  cv_.SignalAll();
}

void RunQueue::LimitDisk(int64_t max_bytes, int64_t min_ms) {
  MutexLock lock(&mu_);
  for (auto it = runs_.begin(); it != runs_.end();) {
    const Run& run = *it->second;
    const bool too_much = disk_bytes_ > max_bytes && run.on_disk > 0;
    const bool too_old = run.to_ms < min_ms;
    if (run.open || run.unsettled == 0 || (!too_much && !too_old)) {
      ++it;
      continue;
    }
    it = DropLocked(it, "overflow",
                    too_old ? "older than spool.max_age" : "more than spool.max_bytes",
                    &counters_.overflow_frames);
  }
}

void RunQueue::AddDropped(DroppedRun dropped) {
  MutexLock lock(&mu_);
  dropped_.push_back(std::move(dropped));
}

SpoolWork::Run RunQueue::NameOf(const RunKey& run) const {
  MutexLock lock(&mu_);
  const auto it = epochs_.find(run.epoch);
  return {it == epochs_.end() ? 0 : it->second.id, run.first_seq};
}

int64_t RunQueue::disk_bytes() const {
  MutexLock lock(&mu_);
  return disk_bytes_;
}

}  // namespace ronda::agent
