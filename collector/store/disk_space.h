// How much room the data folder's disk has, what follows from it, and the reserve.
//
//   ok    all is taken
//   soft  less than 10 % or 2 GiB, whichever is less: logged once, retention hurries
//   hard  less than 256 MiB or 5 %, whichever is less, or a write failed for want of room: samples
//         are refused, so that agents keep them; rules, queries and messages go on
//
// The shares make small disks usable: a tmpfs of 1 GiB is hard below 51 MiB. A state is left when
// there is a quarter more room than where it begins, so that it does not come and go.
//
// The file `reserve` (32 MiB, or a 32nd of the disk) is room that is held back. It is given up when
// a write of the journal finds no room, so that transitions of alerts, messages and trims can still
// be committed, and made again when there is room. Until then the disk counts as full, whatever
// statvfs(3) says: quotas and reserved blocks show only in a write.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace ronda::store {

enum class DiskState { kUnknown, kOk, kSoft, kHard };

struct DiskUse {
  int64_t free_bytes = 0;  // that a process without privileges may use
  int64_t total_bytes = 0;
};

struct DiskLimits {
  int64_t soft_bytes = 0;
  int64_t hard_bytes = 0;
  int64_t reserve_bytes = 0;
};

DiskLimits DiskLimitsOf(int64_t total_bytes);
// By the room alone. kUnknown if the disk has no size.
DiskState JudgeDisk(const DiskUse& use);
// statvfs(3) of the disk that has `path`.
absl::StatusOr<DiskUse> MeasureDisk(const std::string& path);

// Thread-safe. The files of the reserve are touched by Poll() and WriteFailed() alone.
class DiskSpace {
 public:
  using Measure = std::function<absl::StatusOr<DiskUse>()>;
  // Which state was entered; runs on the thread that called Poll().
  using OnChange = std::function<void(DiskState)>;

  // `dir` must be there. Looks once; gives the reserve up if there is so little room that not even
  // the databases could be opened.
  DiskSpace(std::string dir, Measure measure);
  ~DiskSpace() { Stop(); }

  // Looks every `period_ms`, and at once after a write that failed.
  void Start(int64_t period_ms, OnChange on_change);
  void Stop();
  void Poll() ABSL_LOCKS_EXCLUDED(poll_mu_);

  DiskState state() const { return state_; }
  bool full() const { return state_ == DiskState::kHard; }
  DiskUse use() const;
  // What a write may take, at the most; while the reserve is given up, no more than it was.
  int64_t Room() const;
  // How many bytes are missing until the soft state ends; 0 in the state ok.
  int64_t Missing() const;

  // What a write of the journal came to. After one that failed the disk is full until one succeeds
  // and the reserve is whole. True: the reserve was given up, the write is worth another try now.
  bool WriteFailed(const absl::Status& status) ABSL_LOCKS_EXCLUDED(poll_mu_);
  void WriteSucceeded() { write_failed_ = false; }

 private:
  void Run(int64_t period_ms);
  DiskState Judge(const DiskUse& use) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mu_);
  void Enter(DiskState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mu_);
  void MakeReserve(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mu_);
  bool GiveUpReserve() ABSL_EXCLUSIVE_LOCKS_REQUIRED(poll_mu_);

  const std::string dir_;
  const std::string reserve_path_;
  const Measure measure_;
  OnChange on_change_;  // constant after Start()

  std::atomic<DiskState> state_ = DiskState::kUnknown;
  std::atomic<bool> write_failed_ = false;

  mutable Mutex poll_mu_;
  DiskUse use_ ABSL_GUARDED_BY(poll_mu_);
  bool has_reserve_ ABSL_GUARDED_BY(poll_mu_) = false;
  bool given_up_ ABSL_GUARDED_BY(poll_mu_) = false;  // and not made again
  bool complained_ ABSL_GUARDED_BY(poll_mu_) = false;

  Mutex thread_mu_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(thread_mu_) = false;
  bool look_now_ ABSL_GUARDED_BY(thread_mu_) = false;
  std::thread thread_;
};

}  // namespace ronda::store
