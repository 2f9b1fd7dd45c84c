#include "collector/store/journal_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr size_t kMaxRowBytes = 8 << 20;
constexpr milliseconds kFirstRetry{100};
constexpr milliseconds kLastRetry{5000};
constexpr int64_t kLogEveryNs = 60'000'000'000;

// How long commits take and when the next one is due has nothing to do with the time of samples,
// hence not the store's Clock.
int64_t NowNs() {
  return std::chrono::duration_cast<nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

JournalWriter::JournalWriter(std::unique_ptr<JournalDb> db, Options options, DiskSpace* disk,
                             std::function<void(int64_t, const Durable&)> on_durable)
    : options_(std::move(options)),
      disk_(*disk),
      on_durable_(std::move(on_durable)),
      db_(std::move(db)),
      next_commit_(options_.next_commit),
      last_commit_(options_.next_commit - 1),
      rows_(options_.rows) {
  for (const auto& [commit, bytes] : rows_) {
    stats_.journal_bytes += bytes;
  }
}

JournalWriter::~JournalWriter() { Stop(); }

void JournalWriter::Start() {
  MutexLock lock(&mu_);
  running_ = true;
  thread_ = StartThread("store-journal", [this] { Run(); });
}

void JournalWriter::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    work_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

int64_t JournalWriter::Add(uint64_t first_order, const std::vector<QueuedFrame>& frames,
                           std::vector<CatalogueWrite> catalogue, std::vector<StateWrite> state,
                           std::vector<std::function<void()>> on_commit) {
  MutexLock lock(&mu_);
  // Else the thread waits for the time of a commit, or writes: it looks by itself.
  if (pending_.empty()) {
    work_.Signal();
  }
  const bool front_taken = pending_.size() == 1 && writing_front_;
  if (pending_.empty() || front_taken || pending_.back()->row.bytes() > kMaxRowBytes) {
    pending_.push_back(std::make_unique<Pending>(next_commit_++, first_order));
  }
  // The row's first order is that of its first frame; rows before it may have had none.
  Pending& pending = *pending_.back();
  if (pending.row.frames() == 0 && pending.row.first_order() != first_order) {
    pending.row.set_first_order(first_order);
  }
  size_t bytes = 0;
  for (const QueuedFrame& frame : frames) {
    pending.row.Add(frame.run, frame.t_ms, frame.bytes);
    pending.durable.emplace_back(frame.epoch, frame.seq);
    bytes += frame.bytes.size();
  }
  for (CatalogueWrite& write : catalogue) {
    bytes += write.data.size();
    pending.catalogue.push_back(std::move(write));
  }
  for (StateWrite& write : state) {
    bytes += write.key.size() + (write.value ? write.value->size() : 0);
    pending.state.push_back(std::move(write));
  }
  for (std::function<void()>& callback : on_commit) {
    pending.on_commit.push_back(std::move(callback));
  }
  pending.bytes += bytes;
  pending_bytes_ += static_cast<int64_t>(bytes);
  return pending.row.commit();
}

absl::Status JournalWriter::Trim(const TrimContent& content) {
  MutexLock lock(&mu_);
  while (trim_ != nullptr && running_) {
    done_.Wait(&mu_);
  }
  if (!running_) {
    return Fail(absl::StatusCode::kFailedPrecondition, "trimming the journal: it is closed");
  }
  trim_ = &content;
  trim_done_ = false;
  work_.SignalAll();
  while (!trim_done_ && running_) {
    done_.Wait(&mu_);
  }
  trim_ = nullptr;
  done_.SignalAll();
  return trim_done_
             ? trim_result_
             : Fail(absl::StatusCode::kFailedPrecondition, "trimming the journal: it is closed");
}

absl::Status JournalWriter::Flush(int64_t timeout_ms) {
  MutexLock lock(&mu_);
  const int64_t target = next_commit_ - 1;
  const int64_t deadline = NowNs() + timeout_ms * 1'000'000;
  ++flushing_;
  work_.SignalAll();
  while (last_commit_ < target) {
    const int64_t left = deadline - NowNs();
    if (left <= 0 || !running_) {
      break;
    }
    done_.WaitFor(&mu_, nanoseconds(left));
  }
  --flushing_;
  if (last_commit_ >= target) {
    return absl::OkStatus();
  }
  return Fail(absl::StatusCode::kDeadlineExceeded, "waiting {} ms for the journal: {}", timeout_ms,
              stats_.status.ok() ? "still writing" : Message(stats_.status));
}

int64_t JournalWriter::pending_bytes() const {
  MutexLock lock(&mu_);
  return pending_bytes_;
}

JournalStats JournalWriter::Stats() const {
  MutexLock lock(&mu_);
  JournalStats stats = stats_;
  stats.pending_bytes = pending_bytes_;
  const auto n = std::min<size_t>(commit_ms_.size(), static_cast<size_t>(stats.commits));
  if (n > 0) {
    std::vector<float> sorted(commit_ms_.begin(), commit_ms_.begin() + static_cast<ptrdiff_t>(n));
    std::sort(sorted.begin(), sorted.end());
    stats.fsync_p99_ms = static_cast<double>(sorted[(n - 1) * 99 / 100]);
  }
  return stats;
}

void JournalWriter::Run() {
  for (;;) {
    {
      MutexLock lock(&mu_);
      if (!WaitForWork()) {
        break;
      }
      if (trim_ != nullptr && !trim_done_) {
        RunTrim();
        continue;
      }
      writing_front_ = true;
    }
    if (!CommitNext()) {
      break;
    }
  }
  MutexLock lock(&mu_);
  running_ = false;
  done_.SignalAll();
}

bool JournalWriter::WaitForWork() {
  for (;;) {
    if (trim_ != nullptr && !trim_done_) {
      return true;
    }
    if (stop_) {
      return !pending_.empty();
    }
    if (pending_.empty()) {
      work_.Wait(&mu_);
      continue;
    }
    const int64_t wait = last_start_ns_ + options_.commit_interval_ms * 1'000'000 - NowNs();
    if (wait <= 0 || flushing_ > 0) {
      return true;
    }
    work_.WaitFor(&mu_, nanoseconds(wait));
  }
}

void JournalWriter::RunTrim() {
  const TrimContent& content = *trim_;
  mu_.Unlock();
  absl::Status status = db_->Trim(content);
  if (TellDisk(status)) {
    status = db_->Trim(content);
    TellDisk(status);
  }
  mu_.Lock();
  if (status.ok()) {
    while (!rows_.empty() && rows_.front().first <= content.through_commit) {
      stats_.journal_bytes -= rows_.front().second;
      rows_.pop_front();
    }
  }
  trim_result_ = status;
  trim_done_ = true;
  done_.SignalAll();
}

bool JournalWriter::TellDisk(const absl::Status& written) {
  if (written.ok()) {
    disk_.WriteSucceeded();
    return false;
  }
  return disk_.WriteFailed(written);
}

bool JournalWriter::CommitNext() {
  Pending* pending = nullptr;
  {
    MutexLock lock(&mu_);
    pending = pending_.front().get();
  }
  CommitContent content;
  content.commit = pending->row.commit();
  if (pending->row.frames() > 0) {
    content.row = pending->row.Encode();
  }
  content.catalogue = std::move(pending->catalogue);
  content.state = std::move(pending->state);
  milliseconds retry = kFirstRetry;
  for (;;) {
    const int64_t start = NowNs();
    const absl::Status status = db_->Commit(content);
    const bool again = TellDisk(status);
    MutexLock lock(&mu_);
    last_start_ns_ = start;
    if (status.ok()) {
      if (!stats_.status.ok()) {
        obs::Info("store", "the journal is written again");
      }
      stats_.status = status;
      commit_ms_[static_cast<size_t>(stats_.commits) % commit_ms_.size()] =
          static_cast<float>(NowNs() - start) / 1e6F;
      break;
    }
    RecordFailure(status);
    if (again) {
      continue;
    }
    if (stop_) {
      obs::Error("store", "stopping with {} frames that could not be written: {}",
                 pending->durable.size(), Message(status));
      return false;
    }
    const int64_t until = NowNs() + nanoseconds(retry).count();
    while (!stop_ && NowNs() < until) {
      if (trim_ != nullptr && !trim_done_) {
        // Only this gives space back to a full file.
        RunTrim();
        break;
      }
      work_.WaitFor(&mu_, nanoseconds(until - NowNs()));
    }
    retry = std::min(retry * 2, kLastRetry);
  }
  on_durable_(content.commit, pending->durable);
  for (const std::function<void()>& callback : pending->on_commit) {
    callback();
  }
  MutexLock lock(&mu_);
  ++stats_.commits;
  stats_.committed_frames += static_cast<int64_t>(pending->durable.size());
  stats_.journal_bytes += static_cast<int64_t>(content.row.size());
  rows_.emplace_back(content.commit, static_cast<int64_t>(content.row.size()));
  pending_bytes_ -= static_cast<int64_t>(pending->bytes);
  last_commit_ = content.commit;
  writing_front_ = false;
  pending_.pop_front();
  done_.SignalAll();
  return true;
}

void JournalWriter::RecordFailure(const absl::Status& status) {
  const int64_t now = NowNs();
  const bool is_new = stats_.status.code() != status.code();
  stats_.status = status;
  ++stats_.commit_failures;
  if (is_new || now - last_logged_ns_ >= kLogEveryNs) {
    last_logged_ns_ = now;
    obs::Error("store", "writing the journal failed, nothing is acknowledged until it succeeds: {}",
               Message(status));
  }
}

}  // namespace ronda::store
