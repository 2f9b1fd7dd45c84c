// A few threads and a bounded queue in front of them: one pool for each kind of work, so that none
// waits behind another kind.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"

namespace ronda::http {

// Thread-safe, but for the destructor.
class WorkerPool {
 public:
  struct Options {
    std::string name;  // of its threads: at most 13 characters
    size_t threads = 1;
    size_t max_waiting = 64;
  };
  using Task = std::function<void()>;

  explicit WorkerPool(Options options);
  // Runs what waits, then ends.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, and the task is not taken: all threads are busy and max_waiting tasks wait.
  bool Submit(Task task);

  // Runs what waits and ends the threads. Idempotent.
  void Stop();

  size_t waiting() const;
  size_t running() const;

 private:
  void Run();

  const Options options_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mu_);
  size_t running_ ABSL_GUARDED_BY(mu_) = 0;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace ronda::http
