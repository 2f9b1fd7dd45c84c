// The thread that writes ronda.db, and nothing else: group commit, retries, trims.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/store/disk_space.h"
#include "collector/store/head.h"
#include "collector/store/journal_row.h"
#include "collector/store/sqlite_journal_db.h"
#include "collector/store/state_write.h"
#include "common/base/mutex.h"

namespace ronda::store {

struct QueuedFrame {
  JournalRun run;
  int64_t t_ms = 0;
  std::string_view bytes;  // copied by Add()
  EpochState* epoch = nullptr;
  uint64_t seq = 0;
};

// What the writer says of itself.
struct JournalStats {
  int64_t commits = 0;
  int64_t commit_failures = 0;
  int64_t committed_frames = 0;
  int64_t pending_bytes = 0;
  int64_t journal_bytes = 0;
  double fsync_p99_ms = 0;
  absl::Status status;
};

// Thread-safe. Lock order: the store's lock, then this one's; callbacks run with neither.
//
// What arrives while a commit is under way makes the next one, which starts commit_interval_ms
// after the last one started, or when that one ends. A commit that fails is tried again with the
// same content until it succeeds, so that nothing that was taken is ever dropped.
class JournalWriter {
 public:
  // The sequence numbers that a commit made durable, with the epochs they are of.
  using Durable = std::vector<std::pair<EpochState*, uint64_t>>;

  struct Options {
    int64_t commit_interval_ms = 50;
    int64_t next_commit = 1;
    // Rows that are in the journal already: their number and size.
    std::deque<std::pair<int64_t, int64_t>> rows;
  };

  // Tells `disk`, which must outlive it, what writes came to. `on_durable(commit, numbers)` runs on
  // the writer's thread after each commit, before the batches' own callbacks.
  JournalWriter(std::unique_ptr<JournalDb> db, Options options, DiskSpace* disk,
                std::function<void(int64_t commit, const Durable& durable)> on_durable);
  ~JournalWriter();

  void Start();
  // Commits what is pending, trying once if the disk is full, and ends the thread. Idempotent.
  void Stop();

  // Queues frames, in order, for one commit, and returns its number. `first_order` is that of the
  // first frame.
  int64_t Add(uint64_t first_order, const std::vector<QueuedFrame>& frames,
              std::vector<CatalogueWrite> catalogue, std::vector<StateWrite> state,
              std::vector<std::function<void()>> on_commit);

  // Deletes rows whose frames are in blocks. Waits until that is done.
  absl::Status Trim(const TrimContent& content);

  // Waits until everything queued before is durable.
  absl::Status Flush(int64_t timeout_ms);

  int64_t pending_bytes() const;
  JournalStats Stats() const;

 private:
  struct Pending {
    explicit Pending(int64_t commit, uint64_t first_order) : row(commit, first_order) {}
    JournalRowBuilder row;
    size_t bytes = 0;
    std::vector<CatalogueWrite> catalogue;
    std::vector<StateWrite> state;
    std::vector<std::function<void()>> on_commit;
    Durable durable;
  };

  void Run();
  // True: try again at once, there is room now.
  bool TellDisk(const absl::Status& written) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until there is something to do; false: stop.
  bool WaitForWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunTrim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the oldest pending commit and writes it; false: stopped before it succeeded.
  bool CommitNext() ABSL_LOCKS_EXCLUDED(mu_);
  void RecordFailure(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  DiskSpace& disk_;
  const std::function<void(int64_t, const Durable&)> on_durable_;
  std::unique_ptr<JournalDb> db_;  // the thread's
  std::thread thread_;

  mutable Mutex mu_;
  CondVar work_;
  CondVar done_;
  std::deque<std::unique_ptr<Pending>> pending_ ABSL_GUARDED_BY(mu_);  // front: under way
  bool writing_front_ ABSL_GUARDED_BY(mu_) = false;
  int64_t next_commit_ ABSL_GUARDED_BY(mu_);
  int64_t last_commit_ ABSL_GUARDED_BY(mu_);
  int64_t pending_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t last_start_ns_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t last_logged_ns_ ABSL_GUARDED_BY(mu_) = 0;
  int flushing_ ABSL_GUARDED_BY(mu_) = 0;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  const TrimContent* trim_ ABSL_GUARDED_BY(mu_) = nullptr;
  absl::Status trim_result_ ABSL_GUARDED_BY(mu_);
  bool trim_done_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<std::pair<int64_t, int64_t>> rows_ ABSL_GUARDED_BY(mu_);
  JournalStats stats_ ABSL_GUARDED_BY(mu_);
  std::array<float, 1024> commit_ms_ ABSL_GUARDED_BY(mu_){};
};

}  // namespace ronda::store
