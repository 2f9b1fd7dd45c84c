#include "collector/http/worker_pool.h"

#include <utility>

#include "common/base/thread.h"

namespace ronda::http {

WorkerPool::WorkerPool(Options options) : options_(std::move(options)) {
  for (size_t i = 0; i < options_.threads; ++i) {
    threads_.push_back(StartThread(options_.name + std::to_string(i), [this] { Run(); }));
  }
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::Submit(Task task) {
  MutexLock lock(&mu_);
  if (stop_ || queue_.size() >= options_.max_waiting + (options_.threads - running_)) {
    return false;
  }
  queue_.push_back(std::move(task));
  changed_.Signal();
  return true;
}

void WorkerPool::Run() {
  for (;;) {
    Task task;
    {
      MutexLock lock(&mu_);
      while (queue_.empty() && !stop_) {
        changed_.Wait(&mu_);
      }
      if (queue_.empty()) {
        return;
      }
      task = std::move(queue_.front());
      queue_.pop_front();
      ++running_;
    }
    task();
    MutexLock lock(&mu_);
    --running_;
  }
}

void WorkerPool::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
}

size_t WorkerPool::waiting() const {
  MutexLock lock(&mu_);
  return queue_.size();
}

size_t WorkerPool::running() const {
  MutexLock lock(&mu_);
  return running_;
}

}  // namespace ronda::http
