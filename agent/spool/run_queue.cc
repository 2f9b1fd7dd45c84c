// Tested by tests/unit/agent/spool/run_queue_test.cc; the other half is run_queue_spool.cc.
#include "agent/spool/run_queue.h"

#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "common/codec/frame.h"
#include "common/codec/schema_codec.h"

namespace ronda::agent {
namespace {

// Epochs of earlier agents have lower numbers.
constexpr uint32_t kFirstOwnEpoch = 1'000'000;

// `ranges` ascending.
bool InRanges(uint64_t seq, const std::vector<codec::SeqRange>& ranges) {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), seq,
      [](uint64_t number, const codec::SeqRange& range) { return number < range.first; });
  return after != ranges.begin() && seq <= std::prev(after)->last;
}

// In order and without overlaps: a collector puts together what it has to say of both lanes.
std::vector<codec::SeqRange> Ascending(const std::vector<codec::SeqRange>& ranges) {
  codec::RangeSet set;
  for (const codec::SeqRange& range : ranges) {
    set.AddRange(range);
  }
  return set.ranges();
}

EpochId Drawn(EpochId given) {
  if (given.id != 0) {
    return given;
  }
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {RandomBits() | 1,  // never 0
          std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace

RunQueue::RunQueue(const Options& options) : options_(options), present_(kFirstOwnEpoch) {
  epochs_[present_] = Drawn(options.epoch);
}

uint32_t RunQueue::NowMs() const {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::steady_clock::now() - began_)
                                   .count());
}

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
  Run* run = OpenRunLocked(info, seq, header.ok() && codec::IsKey(header->kind));
  run->frames.push_back({seq, info.t_ms, bytes, NowMs(), false});
  run->bytes += bytes->size();
  run->last_seq = seq;
  run->to_ms = info.t_ms;
  ++run->count;
  ++run->unsettled;
  bytes_ += bytes->size();
  ++counters_.submitted_frames;
  if (connected_) {
    if (live_.empty()) {
      live_since_ = std::chrono::steady_clock::now();
    }
    live_.push_back({std::move(bytes), info.schema != nullptr ? info.schema->series.size() : 1});
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
  live_from_ = {present_, next_seq_};
  tell_backfilled_ = true;
  for (auto it = runs_.lower_bound({present_, 0}); it != runs_.end(); ++it) {
    backfill_.insert(it->first);
  }
}

RunQueue::Run* RunQueue::OpenRunLocked(const FrameInfo& info, uint64_t seq, bool key) {
  const auto it = open_.find(info.group);
  if (!key && it != open_.end()) {
    return it->second;
  }
  if (it != open_.end()) {
    CloseLocked(it->second);
  }
  auto run = std::make_unique<Run>();
  run->key = {present_, seq};
  run->group = info.group;
  run->from_ms = info.t_ms;
  run->schema = info.schema;
  if (info.schema != nullptr) {
    run->hash = codec::HashSchema(*info.schema);
  }
  Run* opened = run.get();
  open_[info.group] = opened;
  runs_[opened->key] = std::move(run);
  return opened;
}

void RunQueue::CloseLocked(Run* run) {
  run->open = false;
  if (run->unsettled == 0) {
    ForgetLocked(runs_.find(run->key));
  }
}

RunQueue::Runs::iterator RunQueue::ForgetLocked(Runs::iterator it) {
  const Run& run = *it->second;
  if (run.in_memory) {
    bytes_ -= run.bytes;
  }
  if (run.on_disk > 0) {
    disk_bytes_ -= run.disk_bytes;
    remove_.push_back({epochs_.at(run.key.epoch).id, run.key.first_seq});
  }
  if (const auto sent = backfill_.find(run.key); sent != backfill_.end()) {
    if (sent == backfill_.begin()) {
      backfill_next_ = 0;
    }
    backfill_.erase(sent);
  }
  if (tell_backfilled_) {
    cv_.SignalAll();
  }
  return runs_.erase(it);
}

RunQueue::Runs::iterator RunQueue::DropLocked(Runs::iterator it, const std::string& cause,
                                              const std::string& detail, int64_t* counter) {
  Run& run = *it->second;
  DroppedRun dropped{run.key.epoch >= kFirstOwnEpoch ? run.group : 0,
                     run.from_ms,
                     run.to_ms,
                     run.unsettled,
                     cause,
                     detail};
  bool first = true;
  for (const Frame& frame : run.frames) {
    if (!frame.settled) {
      dropped.from_ms = first ? frame.t_ms : dropped.from_ms;
      dropped.to_ms = frame.t_ms;
      first = false;
    }
  }
  *counter += run.unsettled;
  if (run.unsettled > 0) {
    dropped_.push_back(std::move(dropped));
  }
  if (run.open) {
    open_.erase(run.group);
    must_start_.insert(run.group);
  }
  return ForgetLocked(it);
}

// What is on disk leaves the memory first; then the oldest closed run is given up, until the rest
// fits. Open runs stay: there is one per group, and a delta needs all that came before it.
void RunQueue::EnforceLimitLocked() {
  if (bytes_ > options_.keep_bytes) {
    for (auto it = runs_.rbegin(); it != runs_.rend() && bytes_ > options_.keep_bytes; ++it) {
      EvictLocked(it->second.get());
    }
  }
  for (auto it = runs_.begin(); it != runs_.end() && bytes_ > options_.max_bytes;) {
    const Run& run = *it->second;
    if (run.open || !run.in_memory) {
      ++it;
      continue;
    }
    it = DropLocked(it, "overflow", "the agent's memory for unsent data is full",
                    &counters_.overflow_frames);
  }
}

std::vector<DroppedRun> RunQueue::TakeDropped() {
  MutexLock lock(&mu_);
  return std::exchange(dropped_, {});
}

void RunQueue::RestartRunsLocked() {
  for (const auto& [group, run] : std::exchange(open_, {})) {
    must_start_.insert(group);
    CloseLocked(run);
  }
}

EpochId RunQueue::epoch() const {
  MutexLock lock(&mu_);
  return epochs_.at(present_);
}

std::vector<KeptEpoch> RunQueue::KeptEpochs() const {
  MutexLock lock(&mu_);
  std::vector<KeptEpoch> kept;
  uint32_t last = 0;
  for (auto it = runs_.begin(); it != runs_.end() && it->first.epoch < present_; ++it) {
    if (kept.empty() || it->first.epoch != last) {
      last = it->first.epoch;
      kept.push_back({epochs_.at(last), 0, 0, false});
    }
    kept.back().last_seq = std::max(kept.back().last_seq, it->second->last_seq);
    kept.back().newest_ms = std::max(kept.back().newest_ms, it->second->to_ms);
  }
  for (auto epoch = stopped_.rbegin(); epoch != stopped_.rend(); ++epoch) {  // newest first
    const auto found = std::find_if(kept.begin(), kept.end(),
                                    [&](const KeptEpoch& k) { return k.epoch == *epoch; });
    if (found != kept.end()) {
      found->stopped = true;
    } else if (kept.size() < kMaxKeptEpochs) {
      kept.push_back({*epoch, 0, 0, true});
    }
  }
  std::sort(kept.begin(), kept.end(),
            [](const KeptEpoch& a, const KeptEpoch& b) { return InOrder(a.epoch, b.epoch); });
  return kept;
}

std::optional<uint32_t> RunQueue::FindEpochLocked(uint64_t epoch) const {
  if (epoch == 0) {
    return present_;
  }
  for (const auto& [number, id] : epochs_) {
    if (id.id == epoch) {
      return number;
    }
  }
  return std::nullopt;
}

void RunQueue::Connected(const std::vector<Held>& held, bool takes_kept) {
  MutexLock lock(&mu_);
  connected_ = true;
  hold_ = false;
  credit_ = 0;
  live_.clear();
  live_groups_.clear();
  backfill_.clear();
  backfill_next_ = 0;
  RestartRunsLocked();
  for (const Held& of : held) {
    if (const auto number = FindEpochLocked(of.epoch)) {
      SettleLocked(*number, of.seqs.ranges(), &counters_.acknowledged_frames);
    }
  }
  const RunKey from{takes_kept ? 0 : present_, 0};
  for (auto it = runs_.lower_bound(from); it != runs_.end(); ++it) {
    backfill_.insert(it->first);
    for (Frame& frame : it->second->frames) {
      frame.paid = false;
    }
  }
  live_from_ = {present_, next_seq_};
  tell_backfilled_ = true;
  cv_.SignalAll();
  spool_cv_.SignalAll();
}

void RunQueue::Disconnected() {
  MutexLock lock(&mu_);
  connected_ = false;
  live_.clear();
  live_groups_.clear();
  backfill_.clear();
  backfill_next_ = 0;
  tell_backfilled_ = false;
  cv_.SignalAll();
}

std::optional<Outgoing> RunQueue::TakeLiveLocked() {
  Outgoing out;
  out.lane = Lane::kLive;
  out.epoch = epochs_.at(present_).id;
  size_t bytes = 0;
  size_t samples = 0;
  while (!live_.empty() && bytes < options_.max_live_message_bytes &&
         samples < options_.max_live_message_samples) {
    bytes += live_.front().bytes->size();
    samples += live_.front().samples;
    out.frames.push_back(std::move(live_.front().bytes));
    live_.pop_front();
  }
  if (live_.empty()) {
    live_groups_.clear();
  }
  return out;
}

uint64_t RunQueue::CostOf(const Run& run) {
  return run.schema != nullptr ? run.schema->series.size() : 1;
}

std::optional<Outgoing> RunQueue::TakeBackfillLocked() {
  Outgoing out;
  out.lane = Lane::kBackfill;
  size_t bytes = 0;
  uint32_t epoch = 0;
  while (!backfill_.empty() && bytes < options_.max_backfill_message_bytes && credit_ > 0) {
    Run& run = *runs_.at(*backfill_.begin());
    if (!out.frames.empty() && run.key.epoch != epoch) {
      break;  // a message is of one epoch
    }
    if (!run.in_memory) {
      spool_cv_.SignalAll();
      break;
    }
    if (backfill_next_ >= run.frames.size()) {
      backfill_.erase(backfill_.begin());
      backfill_next_ = 0;
      if (bytes_ > options_.keep_bytes) {
        EvictLocked(&run);
      }
      continue;
    }
    epoch = run.key.epoch;
    Frame& frame = run.frames[backfill_next_++];
    frame.paid = true;
    credit_ -= std::min(credit_, CostOf(run));
    bytes += frame.bytes->size();
    ++counters_.resent_frames;
    out.frames.push_back(frame.bytes);
  }
  if (out.frames.empty()) {
    return std::nullopt;
  }
  out.epoch = epochs_.at(epoch).id;
  return out;
}

bool RunQueue::TakeBackfilledLocked() {
  if (!tell_backfilled_ || !backfill_.empty() ||
      (!runs_.empty() && runs_.begin()->first < live_from_)) {
    return false;
  }
  tell_backfilled_ = false;
  return true;
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
      if (TakeBackfilledLocked()) {
        Outgoing out;
        out.backfilled = true;
        return out;
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

// Of a run whose frames are only on disk it is not known which numbers it has: it is settled as a
// whole, or sent again.
void RunQueue::SettleLocked(uint32_t epoch, const std::vector<codec::SeqRange>& ranges,
                            int64_t* counter) {
  if (ranges.empty()) {
    return;
  }
  for (auto it = runs_.lower_bound({epoch, 0}); it != runs_.end() && it->first.epoch == epoch;) {
    Run& run = *it->second;
    if (run.unsettled == 0 || run.key.first_seq > ranges.back().last ||
        run.last_seq < ranges.front().first) {
      ++it;
      continue;
    }
    if (run.frames.empty()) {
      const bool whole = std::any_of(ranges.begin(), ranges.end(), [&](const codec::SeqRange& r) {
        return r.first <= run.key.first_seq && run.last_seq <= r.last;
      });
      if (whole) {
        *counter += run.unsettled;
        run.unsettled = 0;
      }
    }
    for (Frame& frame : run.frames) {
      if (!frame.settled && InRanges(frame.seq, ranges)) {
        frame.settled = true;
        --run.unsettled;
        ++*counter;
      }
    }
    it = run.unsettled == 0 && !run.open ? ForgetLocked(it) : std::next(it);
  }
}

void RunQueue::Acknowledge(uint64_t epoch, const std::vector<codec::SeqRange>& ranges) {
  MutexLock lock(&mu_);
  if (const auto number = FindEpochLocked(epoch)) {
    SettleLocked(*number, Ascending(ranges), &counters_.acknowledged_frames);
  }
}

void RunQueue::RejectLocked(uint32_t epoch, const std::vector<codec::SeqRange>& ranges,
                            const std::string& reason) {
  for (auto it = runs_.lower_bound({epoch, 0}); it != runs_.end() && it->first.epoch == epoch;
       ++it) {
    Run& run = *it->second;
    DroppedRun dropped{epoch >= kFirstOwnEpoch ? run.group : 0, 0, 0, 0, "rejected", reason};
    for (Frame& frame : run.frames) {
      if (!frame.settled && InRanges(frame.seq, ranges)) {
        credit_ += std::exchange(frame.paid, false) ? CostOf(run) : 0;
        dropped.from_ms = dropped.frames == 0 ? frame.t_ms : dropped.from_ms;
        dropped.to_ms = frame.t_ms;
        ++dropped.frames;
      }
    }
    if (dropped.frames == 0) {
      continue;
    }
    // A delta behind a refused frame could not be decoded either.
    if (run.open) {
      run.open = false;
      open_.erase(run.group);
      must_start_.insert(run.group);
    }
    dropped_.push_back(std::move(dropped));
  }
  SettleLocked(epoch, ranges, &counters_.rejected_frames);
  cv_.SignalAll();
}

void RunQueue::Reject(uint64_t epoch, const std::vector<codec::SeqRange>& ranges,
                      const std::string& reason) {
  MutexLock lock(&mu_);
  const auto number = FindEpochLocked(epoch);
  if (!number.has_value()) {
    return;
  }
  if (ranges.empty()) {
    RestartRunsLocked();  // a frame that the collector could not even number
  }
  RejectLocked(*number, Ascending(ranges), reason);
}

EpochId RunQueue::Renumber(const std::string& reason) {
  MutexLock lock(&mu_);
  RestartRunsLocked();
  for (auto it = runs_.lower_bound({present_, 0}); it != runs_.end();) {
    it = DropLocked(it, "rejected", reason, &counters_.rejected_frames);
  }
  epochs_[++present_] = Drawn({});
  next_seq_ = 1;
  // Nothing more goes out on the present stream, which still speaks of the old epoch.
  connected_ = false;
  live_.clear();
  live_groups_.clear();
  return epochs_.at(present_);
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
  for (const auto& [key, run] : runs_) {
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

RunQueueUse RunQueue::use() const {
  MutexLock lock(&mu_);
  RunQueueUse use{static_cast<int64_t>(bytes_), disk_bytes_, 0, 0};
  for (const auto& [key, run] : runs_) {
    if (run->unsettled == 0) {
      continue;
    }
    use.frames += run->unsettled;
    int64_t from_ms = run->from_ms;
    const auto waits = std::find_if(run->frames.begin(), run->frames.end(),
                                    [](const Frame& frame) { return !frame.settled; });
    if (waits != run->frames.end()) {
      from_ms = waits->t_ms;
    }
    use.oldest_ms = use.oldest_ms == 0 ? from_ms : std::min(use.oldest_ms, from_ms);
  }
  return use;
}

size_t RunQueue::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

int64_t RunQueue::unacknowledged() const {
  MutexLock lock(&mu_);
  int64_t count = 0;
  for (const auto& [key, run] : runs_) {
    count += run->unsettled;
  }
  return count;
}

}  // namespace ronda::agent
