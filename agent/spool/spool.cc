// Tested by tests/unit/agent/spool/spool_test.cc and tests/property/spool_property_test.cc.
#include "agent/spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::agent {
namespace {

// Of one transaction; the next follows at once.
constexpr size_t kWriteBytes = 4 << 20;

}  // namespace

Spool::Spool(SpoolOptions options, RunQueue& queue, const Clock& clock)
    : options_(std::move(options)), queue_(queue), clock_(clock) {}

Spool::~Spool() { Stop(true); }

absl::Status Spool::Open() {
  if (file_ != nullptr) {
    return absl::OkStatus();
  }
  auto file = SpoolFile::Open({options_.path, options_.node, options_.max_pages_for_test});
  if (!file.ok()) {
    return file.status();
  }
  file_ = *std::move(file);
  return absl::OkStatus();
}

void Spool::Recover() {
  if (options_.path.empty() || !SpoolFileExists(options_.path)) {
    return;
  }
  const auto read = [this]() -> absl::StatusOr<SpoolFile::Listing> {
    RONDA_RETURN_IF_ERROR(Open());
    return file_->List();
  };
  absl::StatusOr<SpoolFile::Listing> listing = read();
  if (!listing.ok()) {
    const absl::StatusCode code = listing.status().code();
    if (code == absl::StatusCode::kDataLoss || code == absl::StatusCode::kFailedPrecondition) {
      SetAside(listing.status());
    } else {
      Fail(listing.status());
    }
    return;
  }
  // Where the times of a damaged run are not known, they are within those of its epoch.
  std::map<uint64_t, std::pair<int64_t, int64_t>> spans;
  int64_t frames = 0;
  for (const KeptRun& run : listing->runs) {
    auto [span, added] = spans.try_emplace(run.epoch.id, run.from_ms, run.to_ms);
    span->second.first = std::min(span->second.first, run.from_ms);
    span->second.second = std::max(span->second.second, run.to_ms);
    frames += run.frames;
  }
  for (const SpoolWork::Run& run : listing->damaged) {
    const auto span = spans.find(run.epoch);
    const int64_t now_ms = clock_.NowMs();
    queue_.AddDropped({0, span == spans.end() ? now_ms : span->second.first,
                       span == spans.end() ? now_ms : span->second.second, 0, "corrupt",
                       "a run in spool.db is damaged, it was within these times"});
  }
  if (!listing->damaged.empty()) {
    if (absl::Status removed = file_->Write(listing->damaged, {}, false); !removed.ok()) {
      Fail(removed);
    }
    MutexLock lock(&mu_);
    state_.corrupt += static_cast<int64_t>(listing->damaged.size());
  }
  obs::Info("spool", "kept on disk by the agent before: runs={} frames={} damaged_runs={}",
            listing->runs.size(), frames, listing->damaged.size());
  queue_.AddKept(std::move(listing->runs));
  queue_.AddStopped(listing->stopped);
}

void Spool::Start() {
  if (!options_.path.empty()) {
    thread_ = StartThread("ronda-spool", [this] { Run(); });
  }
}

void Spool::Stop(bool told) {
  if (!thread_.joinable()) {
    return;
  }
  {
    MutexLock lock(&mu_);
    stop_ = true;
    told_ = told;
  }
  queue_.WakeSpool();
  thread_.join();
}

void Spool::Run() {
  bool stop = false;
  bool told = false;
  while (!stop) {
    queue_.WaitForSpool(std::chrono::milliseconds(options_.write_each_ms));
    {
      MutexLock lock(&mu_);
      stop = stop_;
      told = told_;
    }
    if (failed_mono_ms_ == 0 || stop ||
        clock_.MonotonicMs() - failed_mono_ms_ >= options_.retry_ms) {
      Work(stop);
    } else {
      // Not in a circle for a run that the backfill lane waits for.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  if (failed_mono_ms_ != 0 && queue_.unacknowledged() > 0) {
    obs::Error("spool", "{} frames that were not acknowledged are lost: {}",
               queue_.unacknowledged(), state().error);
  }
  if (!told) {
    MarkStopped();
  }
  file_.reset();
}

void Spool::MarkStopped() {
  absl::Status marked = Open();
  if (marked.ok()) {
    marked = file_->MarkStopped(queue_.epoch());
  }
  if (!marked.ok()) {
    obs::Warn("spool", "that the agent was stopped in order is not noted: {}", Message(marked));
  }
}

void Spool::Work(bool all) {
  const bool failed = std::exchange(failed_mono_ms_, 0) != 0;
  queue_.LimitDisk(options_.max_bytes, clock_.NowMs() - options_.max_age_ms);
  for (;;) {
    const SpoolWork work = queue_.TakeSpoolWork(all, kWriteBytes);
    Read(work);
    if (failed_mono_ms_ != 0) {
      return;
    }
    if (work.write.empty() && work.remove.empty()) {
      break;
    }
    const int64_t now = clock_.MonotonicMs();
    const bool sync = all || now - synced_mono_ms_ >= options_.sync_each_ms;
    if (absl::Status written = Write(work, sync); !written.ok()) {
      if (written.code() == absl::StatusCode::kDataLoss) {
        SetAside(written);
        continue;  // into a new file
      }
      Fail(written);
      return;
    }
    synced_mono_ms_ = sync ? now : synced_mono_ms_;
    queue_.Spooled(work);
    queue_.LimitDisk(options_.max_bytes, clock_.NowMs() - options_.max_age_ms);
  }
  CloseIfEmpty();
  if (failed) {
    obs::Info("spool", "{} can be used again", options_.path);
  }
  Note();
}

absl::Status Spool::Write(const SpoolWork& work, bool sync) {
  if (file_ == nullptr && work.write.empty()) {
    return absl::OkStatus();  // what is to be removed is gone with its file
  }
  RONDA_RETURN_IF_ERROR(Open());
  return file_->Write(work.remove, work.write, sync);
}

void Spool::Read(const SpoolWork& work) {
  for (const RunKey& key : work.read) {
    if (file_ == nullptr) {
      if (absl::Status opened = Open(); !opened.ok()) {
        Fail(opened);
        return;
      }
    }
    const auto frames = file_->ReadRun(queue_.NameOf(key));
    if (frames.ok()) {
      queue_.Loaded(key, *frames);
      continue;
    }
    if (frames.status().code() != absl::StatusCode::kDataLoss) {
      Fail(frames.status());
      return;
    }
    obs::Warn("spool", "a run cannot be read again: {}", Message(frames.status()));
    {
      MutexLock lock(&mu_);
      ++state_.corrupt;
    }
    queue_.LostOnDisk(key, std::string(Message(frames.status())));
  }
}

// Nothing is left: the file goes too, so that its age says since when there is data in it.
void Spool::CloseIfEmpty() {
  if (file_ == nullptr || queue_.disk_bytes() > 0) {
    return;
  }
  const auto empty = file_->Empty();
  if (!empty.ok() || !*empty) {
    return;
  }
  past_writes_ += file_->writes();
  past_bytes_ += file_->written_bytes();
  file_.reset();
  if (absl::Status removed = RemoveSpoolFile(options_.path); !removed.ok()) {
    obs::Warn("spool", "an empty spool stays behind: {}", Message(removed));
  }
}

void Spool::Fail(const absl::Status& why) {
  failed_mono_ms_ = std::max<int64_t>(clock_.MonotonicMs(), 1);
  MutexLock lock(&mu_);
  ++state_.failures;
  const std::string error(Message(why));
  if (state_.ok || state_.error != error) {
    obs::Warn("spool", "nothing can be kept on disk, unsent data stays in memory: {}", error);
  }
  state_.ok = false;
  state_.error = error;
}

void Spool::SetAside(const absl::Status& why) {
  file_.reset();
  // Made when something had to be kept first, written when that was last.
  const int64_t now_ms = clock_.NowMs();
  int64_t from_ms = now_ms - options_.max_age_ms;
  int64_t to_ms = now_ms;
  struct statx file {};
  if (statx(AT_FDCWD, options_.path.c_str(), 0, STATX_BTIME | STATX_MTIME, &file) == 0) {
    to_ms = std::min(now_ms, int64_t{file.stx_mtime.tv_sec} * 1000);
    if ((file.stx_mask & STATX_BTIME) != 0) {
      from_ms = std::max(from_ms, int64_t{file.stx_btime.tv_sec} * 1000);
    }
  }
  from_ms = std::min(from_ms, to_ms);
  const bool damaged = why.code() == absl::StatusCode::kDataLoss;
  const std::string aside = options_.path + (damaged ? ".corrupt" : ".aside");
  const absl::Status renamed = RenameSpoolFile(options_.path, aside);
  const std::string detail = fmt::format(
      "{}; it was set aside as {}, what it held is within these times", Message(why), aside);
  obs::Error("spool", "{}", renamed.ok() ? detail : std::string(Message(renamed)));
  queue_.LostDisk(detail);
  queue_.AddDropped({0, from_ms, to_ms, 0, damaged ? "corrupt" : "rejected", detail});
  MutexLock lock(&mu_);
  ++state_.corrupt;
}

void Spool::Note() {
  MutexLock lock(&mu_);
  state_.ok = true;
  state_.error.clear();
  state_.writes = past_writes_ + (file_ != nullptr ? file_->writes() : 0);
  state_.written_bytes = past_bytes_ + (file_ != nullptr ? file_->written_bytes() : 0);
}

SpoolState Spool::state() const {
  MutexLock lock(&mu_);
  return state_;
}

}  // namespace ronda::agent
