// Tested by tests/unit/agent/spool/run_queue_test.cc.
#include "agent/spool/run_queue.h"

#include <algorithm>
#include <utility>

#include "common/codec/frame.h"
#include "common/codec/schema_codec.h"

namespace ronda::agent {
namespace {

bool InRanges(uint64_t seq, const std::vector<codec::SeqRange>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [seq](const codec::SeqRange& r) { return seq >= r.first && seq <= r.last; });
}

}  // namespace

void RunQueue::SetGroupCount(size_t groups) {
  MutexLock lock(&mu_);
  groups_ = groups;
}

void RunQueue::Submit(
    const FrameInfo& info,
    absl::FunctionRef<void(uint64_t seq, bool start_run, std::string* out)> encode) {
  MutexLock lock(&mu_);
  const bool start_run = must_start_.erase(info.group) > 0 || !open_.contains(info.group);
  const uint64_t seq = next_seq_++;
  auto bytes = std::make_shared<std::string>();
  encode(seq, start_run, bytes.get());
  const auto header = codec::ParseFrameHeader(*bytes);
  Run* run = OpenRunLocked(info, header.ok() && codec::IsKey(header->kind));
  run->frames.push_back({seq, info.t_ms, bytes, false});
  run->bytes += bytes->size();
  ++run->unsettled;
  bytes_ += bytes->size();
  ++counters_.submitted_frames;
  if (connected_) {
    if (live_.empty()) {
      live_since_ = std::chrono::steady_clock::now();
    }
    live_.push_back(std::move(bytes));
    live_groups_.insert(info.group);
    cv_.SignalAll();
    if (live_.size() > options_.max_live_frames) {
      FallBehindLocked();
    }
  }
  EnforceLimitLocked();
}

// The stream takes nothing (a stopped collector): what waits becomes backfill, so that it is
// bounded by the runs and the live lane starts afresh.
void RunQueue::FallBehindLocked() {
  live_.clear();
  live_groups_.clear();
  RestartRunsLocked();
  for (const auto& run : runs_) {
    if (run->unsettled > 0 &&
        std::find(backfill_.begin(), backfill_.end(), run.get()) == backfill_.end()) {
      backfill_.push_back(run.get());
    }
  }
}

RunQueue::Run* RunQueue::OpenRunLocked(const FrameInfo& info, bool key) {
  const auto it = open_.find(info.group);
  if (!key && it != open_.end()) {
    return it->second;
  }
  if (it != open_.end()) {
    it->second->open = false;
  }
  auto run = std::make_unique<Run>();
  run->group = info.group;
  run->schema = info.schema;
  if (info.schema != nullptr) {
    run->hash = codec::HashSchema(*info.schema);
  }
  Run* opened = run.get();
  open_[info.group] = opened;
  runs_.push_back(std::move(run));
  ForgetSettledLocked();
  return opened;
}

void RunQueue::ForgetSettledLocked() {
  std::erase_if(runs_, [this](const std::unique_ptr<Run>& run) {
    if (run->open || run->unsettled > 0) {
      return false;
    }
    bytes_ -= run->bytes;
    const auto sent = std::find(backfill_.begin(), backfill_.end(), run.get());
    if (sent != backfill_.end()) {
      if (sent == backfill_.begin()) {
        backfill_next_ = 0;
      }
      backfill_.erase(sent);
    }
    return true;
  });
}

// Gives up the oldest closed run until the rest fits. Open runs stay: there is one per group, and a
// delta needs all that came before it.
void RunQueue::EnforceLimitLocked() {
  while (bytes_ > options_.max_bytes) {
    const auto it = std::find_if(runs_.begin(), runs_.end(),
                                 [](const std::unique_ptr<Run>& run) { return !run->open; });
    if (it == runs_.end()) {
      return;
    }
    Run& run = **it;
    DroppedRun dropped{run.group, 0,          0,
                       0,         "overflow", "the agent's memory for unsent data is full"};
    for (Frame& frame : run.frames) {
      if (!frame.settled) {
        dropped.from_ms = dropped.frames == 0 ? frame.t_ms : dropped.from_ms;
        dropped.to_ms = frame.t_ms;
        ++dropped.frames;
        frame.settled = true;
      }
    }
    run.unsettled = 0;
    counters_.overflow_frames += dropped.frames;
    dropped_.push_back(std::move(dropped));
    ForgetSettledLocked();
  }
}

std::vector<DroppedRun> RunQueue::TakeDropped() {
  MutexLock lock(&mu_);
  return std::exchange(dropped_, {});
}

void RunQueue::RestartRunsLocked() {
  for (const auto& [group, run] : open_) {
    run->open = false;
    must_start_.insert(group);
  }
  open_.clear();
}

void RunQueue::Connected(const codec::RangeSet& held) {
  MutexLock lock(&mu_);
  connected_ = true;
  hold_ = false;
  credit_ = 0;
  live_.clear();
  live_groups_.clear();
  backfill_.clear();
  backfill_next_ = 0;
  RestartRunsLocked();
  SettleLocked(held.ranges(), &counters_.acknowledged_frames);
  for (const auto& run : runs_) {
    backfill_.push_back(run.get());
  }
  cv_.SignalAll();
}

void RunQueue::Disconnected() {
  MutexLock lock(&mu_);
  connected_ = false;
  live_.clear();
  live_groups_.clear();
  backfill_.clear();
  backfill_next_ = 0;
  cv_.SignalAll();
}

std::optional<Outgoing> RunQueue::TakeLiveLocked() {
  Outgoing out;
  out.lane = Lane::kLive;
  out.frames = std::exchange(live_, {});
  live_groups_.clear();
  return out;
}

std::optional<Outgoing> RunQueue::TakeBackfillLocked() {
  Outgoing out;
  out.lane = Lane::kBackfill;
  size_t bytes = 0;
  while (!backfill_.empty() && bytes < options_.max_backfill_message_bytes && credit_ > 0) {
    const Run& run = *backfill_.front();
    if (backfill_next_ >= run.frames.size()) {
      backfill_.erase(backfill_.begin());
      backfill_next_ = 0;
      continue;
    }
    const Frame& frame = run.frames[backfill_next_++];
    const uint64_t samples = run.schema != nullptr ? run.schema->series.size() : 1;
    credit_ -= std::min(credit_, samples);
    bytes += frame.bytes->size();
    ++counters_.resent_frames;
    out.frames.push_back(frame.bytes);
  }
  if (out.frames.empty()) {
    return std::nullopt;
  }
  return out;
}

std::optional<Outgoing> RunQueue::Next(std::chrono::milliseconds timeout) {
  MutexLock lock(&mu_);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    auto until = deadline;
    if (wake_) {
      wake_ = false;
      return std::nullopt;
    }
    if (connected_ && !hold_) {
      if (!live_.empty()) {
        const auto ready = live_since_ + options_.company;
        if (live_groups_.size() >= groups_ || now >= ready) {
          return TakeLiveLocked();
        }
        until = std::min(until, ready);
      }
      if (auto backfill = TakeBackfillLocked()) {
        return backfill;
      }
    }
    if (now >= deadline) {
      return std::nullopt;
    }
    cv_.WaitFor(&mu_, until - now);
  }
}

void RunQueue::Wake() {
  MutexLock lock(&mu_);
  wake_ = true;
  cv_.SignalAll();
}

void RunQueue::SettleLocked(const std::vector<codec::SeqRange>& ranges, int64_t* counter) {
  for (const auto& run : runs_) {
    if (run->unsettled == 0 || run->frames.empty()) {
      continue;
    }
    for (Frame& frame : run->frames) {
      if (frame.settled) {
        continue;
      }
      if (InRanges(frame.seq, ranges)) {
        frame.settled = true;
        --run->unsettled;
        ++*counter;
      }
    }
  }
  ForgetSettledLocked();
}

void RunQueue::Acknowledge(const std::vector<codec::SeqRange>& ranges) {
  MutexLock lock(&mu_);
  SettleLocked(ranges, &counters_.acknowledged_frames);
}

void RunQueue::RejectLocked(const std::vector<codec::SeqRange>& ranges, const std::string& reason) {
  for (const auto& run : runs_) {
    DroppedRun dropped{run->group, 0, 0, 0, "rejected", reason};
    for (const Frame& frame : run->frames) {
      if (!frame.settled && InRanges(frame.seq, ranges)) {
        dropped.from_ms = dropped.frames == 0 ? frame.t_ms : dropped.from_ms;
        dropped.to_ms = frame.t_ms;
        ++dropped.frames;
      }
    }
    if (dropped.frames == 0) {
      continue;
    }
    // A delta behind a refused frame could not be decoded either.
    if (run->open) {
      run->open = false;
      open_.erase(run->group);
      must_start_.insert(run->group);
    }
    dropped_.push_back(std::move(dropped));
  }
  SettleLocked(ranges, &counters_.rejected_frames);
}

void RunQueue::Reject(const std::vector<codec::SeqRange>& ranges, const std::string& reason) {
  MutexLock lock(&mu_);
  if (ranges.empty()) {
    RestartRunsLocked();  // a frame that the collector could not even number
  }
  RejectLocked(ranges, reason);
}

void RunQueue::Renumber(const std::string& reason) {
  MutexLock lock(&mu_);
  RejectLocked({{1, UINT64_MAX}}, reason);
  RestartRunsLocked();
  ForgetSettledLocked();
  next_seq_ = 1;
  // Nothing more goes out on the present stream, which still speaks of the old epoch.
  connected_ = false;
  live_.clear();
  live_groups_.clear();
}

void RunQueue::AddCredit(uint64_t samples) {
  MutexLock lock(&mu_);
  credit_ = credit_ > UINT64_MAX - samples ? UINT64_MAX : credit_ + samples;
  cv_.SignalAll();
}

void RunQueue::SetHold(bool hold) {
  MutexLock lock(&mu_);
  hold_ = hold;
  cv_.SignalAll();
}

std::shared_ptr<const Schema> RunQueue::FindSchema(const SchemaHash& hash) const {
  MutexLock lock(&mu_);
  for (const auto& run : runs_) {
    if (run->schema != nullptr && run->hash == hash) {
      return run->schema;
    }
  }
  return nullptr;
}

RunQueueCounters RunQueue::counters() const {
  MutexLock lock(&mu_);
  return counters_;
}

size_t RunQueue::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

int64_t RunQueue::unacknowledged() const {
  MutexLock lock(&mu_);
  int64_t count = 0;
  for (const auto& run : runs_) {
    count += static_cast<int64_t>(run->unsettled);
  }
  return count;
}

}  // namespace ronda::agent
