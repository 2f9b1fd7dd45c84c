// Keeps on disk what is not acknowledged: the thread between the run queue and spool.db.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "agent/spool/run_queue.h"
#include "agent/spool/spool_file.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace ronda::agent {

struct SpoolOptions {
  std::string path;  // "": nothing is kept on disk
  std::string node;
  int64_t max_age_ms = int64_t{24} * 3600 * 1000;
  int64_t max_bytes = 256 << 20;
  int64_t write_each_ms = 1000;  // while acknowledgements lag
  int64_t sync_each_ms = 10'000;
  int64_t retry_ms = 10'000;  // after the disk failed
  int64_t max_pages_for_test = 0;
};

struct SpoolState {
  bool ok = true;     // the last thing that was tried on disk succeeded
  std::string error;  // else: why
  int64_t writes = 0;
  int64_t written_bytes = 0;
  int64_t failures = 0;
  int64_t corrupt = 0;  // files set aside, and runs that could not be read
};

// While all is well there is no file and nothing is written. As soon as acknowledgements lag, whole
// runs are written each second, and removed when they are acknowledged; when none is left, so is
// the file. A disk that is full or fails costs nothing but this: frames stay in memory, within its
// limit, and it is tried again. A damaged file is set aside, and a gap "corrupt" says so.
//
// Thread-safe.
class Spool {
 public:
  // The references must outlive it.
  Spool(SpoolOptions options, RunQueue& queue, const Clock& clock);
  ~Spool();

  // Takes over what an earlier agent left. Once, before the stream starts.
  void Recover();
  void Start();
  // Writes everything that is not acknowledged, and ends the thread. Unless a collector was `told`
  // that the agent stops in order, its successor will. Idempotent.
  void Stop(bool told);

  // What the thread does, once, on the caller's; `all` as at the end.
  void WorkForTest(bool all) { Work(all); }

  SpoolState state() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // Does what there is to do; sets failed_mono_ms_ if the disk does not take it.
  void Work(bool all);
  absl::Status Write(const SpoolWork& work, bool sync);
  void Read(const SpoolWork& work);
  absl::Status Open();
  void CloseIfEmpty();
  void MarkStopped();
  void Fail(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);
  void SetAside(const absl::Status& why);
  void Note() ABSL_LOCKS_EXCLUDED(mu_);

  const SpoolOptions options_;
  RunQueue& queue_;
  const Clock& clock_;
  // Of the thread; before Start() and after Stop() of their caller.
  std::unique_ptr<SpoolFile> file_;
  int64_t synced_mono_ms_ = 0;
  int64_t failed_mono_ms_ = 0;  // 0: not failing
  int64_t past_writes_ = 0;     // of files that were closed
  int64_t past_bytes_ = 0;
  std::thread thread_;

  mutable Mutex mu_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  bool told_ ABSL_GUARDED_BY(mu_) = false;
  SpoolState state_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::agent
