#include "collector/store/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// Where a state that begins below `bytes` ends.
int64_t EndOf(int64_t bytes) { return bytes + bytes / 4; }

}  // namespace

DiskLimits DiskLimitsOf(int64_t total_bytes) {
  return {std::min(2048 * kMiB, total_bytes / 10), std::min(256 * kMiB, total_bytes / 20),
          std::min(32 * kMiB, total_bytes / 32)};
}

DiskState JudgeDisk(const DiskUse& use) {
  if (use.total_bytes <= 0) {
    return DiskState::kUnknown;
  }
  const DiskLimits limits = DiskLimitsOf(use.total_bytes);
  return use.free_bytes < limits.hard_bytes   ? DiskState::kHard
         : use.free_bytes < limits.soft_bytes ? DiskState::kSoft
                                              : DiskState::kOk;
}

absl::StatusOr<DiskUse> MeasureDisk(const std::string& path) {
  struct statvfs fs {};
  if (statvfs(path.c_str(), &fs) != 0) {
    return Fail(absl::StatusCode::kUnknown, "measuring the disk of {}: {}", path, strerror(errno));
  }
  const auto block = static_cast<int64_t>(fs.f_frsize);
  return DiskUse{static_cast<int64_t>(fs.f_bavail) * block,
                 static_cast<int64_t>(fs.f_blocks) * block};
}

DiskSpace::DiskSpace(std::string dir, Measure measure)
    : dir_(std::move(dir)), reserve_path_(dir_ + "/reserve"), measure_(std::move(measure)) {
  struct stat info {};
  const bool there = stat(reserve_path_.c_str(), &info) == 0;
  {
    MutexLock lock(&poll_mu_);
    has_reserve_ = there && S_ISREG(info.st_mode) && info.st_size > 0;
    const absl::StatusOr<DiskUse> use = measure_();
    if (has_reserve_ && use.ok() &&
        use->free_bytes < DiskLimitsOf(use->total_bytes).reserve_bytes / 4) {
      GiveUpReserve();
    }
  }
  Poll();
}

void DiskSpace::Start(int64_t period_ms, OnChange on_change) {
  on_change_ = std::move(on_change);
  thread_ = StartThread("store-disk", [this, period_ms] { Run(period_ms); });
}

void DiskSpace::Stop() {
  {
    MutexLock lock(&thread_mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void DiskSpace::Run(int64_t period_ms) {
  DiskState told = DiskState::kOk;
  for (;;) {
    Poll();
    if (const DiskState now = state_; now != told) {
      told = now;
      on_change_(now);
    }
    MutexLock lock(&thread_mu_);
    if (!stop_ && !look_now_) {
      wake_.WaitFor(&thread_mu_, std::chrono::milliseconds(period_ms));
    }
    look_now_ = false;
    if (stop_) {
      return;
    }
  }
}

void DiskSpace::Poll() {
  MutexLock lock(&poll_mu_);
  absl::StatusOr<DiskUse> use = measure_();
  if (use.ok()) {
    use_ = *use;
    const DiskLimits limits = DiskLimitsOf(use_.total_bytes);
    if (!has_reserve_ && limits.reserve_bytes > 0 && !write_failed_ &&
        use_.free_bytes >= EndOf(limits.hard_bytes) + limits.reserve_bytes) {
      MakeReserve(limits.reserve_bytes);
      use = measure_();
      use_ = use.ok() ? *use : use_;
    }
  } else if (!complained_) {
    complained_ = true;
    obs::Warn("store", "{}", Message(use.status()));
  }
  Enter(Judge(use_));
}

DiskState DiskSpace::Judge(const DiskUse& use) const {
  const DiskLimits limits = DiskLimitsOf(use.total_bytes);
  const DiskState before = state_;
  if (write_failed_ || given_up_ ||
      (before == DiskState::kHard && use.free_bytes < EndOf(limits.hard_bytes))) {
    return DiskState::kHard;
  }
  const DiskState now = JudgeDisk(use);
  const bool was_low = before == DiskState::kSoft || before == DiskState::kHard;
  return now == DiskState::kOk && was_low && use.free_bytes < EndOf(limits.soft_bytes)
             ? DiskState::kSoft
             : now;
}

void DiskSpace::Enter(DiskState state) {
  const DiskState before = state_.exchange(state);
  if (before == state) {
    return;
  }
  const int64_t free_mib = use_.free_bytes / kMiB;
  const int64_t total_mib = use_.total_bytes / kMiB;
  if (state == DiskState::kHard) {
    obs::Error("store",
               "the disk of {} is full, {} of {} MiB left: samples wait with the agents, queries "
               "and alerts go on; make room, or set retention.max_size lower",
               dir_, free_mib, total_mib);
  } else if (before == DiskState::kHard) {
    obs::Info("store", "the disk of {} has room again, {} of {} MiB: samples are taken", dir_,
              free_mib, total_mib);
  } else if (state == DiskState::kSoft) {
    obs::Warn("store",
              "the disk of {} has {} of {} MiB left: samples are refused below {} MiB; make room, "
              "or set retention.max_size",
              dir_, free_mib, total_mib, DiskLimitsOf(use_.total_bytes).hard_bytes / kMiB);
  }
}

DiskUse DiskSpace::use() const {
  MutexLock lock(&poll_mu_);
  return use_;
}

int64_t DiskSpace::Room() const {
  MutexLock lock(&poll_mu_);
  return given_up_ ? std::min(use_.free_bytes, DiskLimitsOf(use_.total_bytes).reserve_bytes)
                   : use_.free_bytes;
}

int64_t DiskSpace::Missing() const {
  MutexLock lock(&poll_mu_);
  const DiskState state = state_;
  return state == DiskState::kSoft || state == DiskState::kHard
             ? std::max<int64_t>(EndOf(DiskLimitsOf(use_.total_bytes).soft_bytes) - use_.free_bytes,
                                 0)
             : 0;
}

bool DiskSpace::WriteFailed(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kResourceExhausted) {
    return false;
  }
  bool again = false;
  {
    MutexLock lock(&poll_mu_);
    write_failed_ = true;
    again = GiveUpReserve();
    Enter(DiskState::kHard);
  }
  MutexLock lock(&thread_mu_);
  look_now_ = true;
  wake_.SignalAll();
  return again;
}

// Twice as much is asked for as is kept: where only a write tells that there is no room, this one
// does, and the next samples do not fail at once.
void DiskSpace::MakeReserve(int64_t bytes) {
  const int fd = open(reserve_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  int error = fd < 0 ? errno : 0;
  if (fd >= 0) {
    error = posix_fallocate(fd, 0, 2 * bytes);
    if (error == 0 && ftruncate(fd, bytes) != 0) {
      error = errno;
    }
    close(fd);
  }
  has_reserve_ = error == 0;
  if (has_reserve_) {
    given_up_ = false;
    complained_ = false;
    return;
  }
  unlink(reserve_path_.c_str());
  given_up_ = error == ENOSPC || error == EDQUOT;  // else: go on without
  if (!complained_) {
    complained_ = true;
    obs::Warn("store", "cannot hold back {} bytes in {}: {}", bytes, reserve_path_,
              strerror(error));
  }
}

bool DiskSpace::GiveUpReserve() {
  if (!has_reserve_) {
    return false;
  }
  has_reserve_ = false;
  given_up_ = true;
  obs::Warn("store", "giving up {}, for what must be written to a full disk", reserve_path_);
  return unlink(reserve_path_.c_str()) == 0;
}

}  // namespace ronda::store
