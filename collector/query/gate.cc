#include "collector/query/gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"

namespace ronda::query {
namespace {

int64_t NowNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace

Gate::Gate(const Options& options) : options_(options) {
  watcher_ = StartThread("query-watch", [this] { Watch(); });
}

Gate::~Gate() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    watch_.SignalAll();
  }
  watcher_.join();
}

Gate::Ticket::~Ticket() {
  if (gate_ != nullptr) {
    gate_->Leave(id_);
  }
}

absl::StatusOr<Gate::Ticket> Gate::Enter(std::function<void()> cancel) {
  MutexLock lock(&mu_);
  const auto max_running = static_cast<size_t>(options_.max_running);
  if (running_.size() >= max_running && waiting_ >= options_.max_waiting) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "{} queries run and {} wait already, which is the limit: try again",
                running_.size(), waiting_);
  }
  const int64_t give_up_ns = NowNs() + options_.max_wait_ms * 1'000'000;
  ++waiting_;
  while (running_.size() >= max_running && NowNs() < give_up_ns) {
    left_.WaitFor(&mu_, std::chrono::nanoseconds(std::max<int64_t>(give_up_ns - NowNs(), 1)));
  }
  --waiting_;
  if (running_.size() >= max_running) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "no place among {} queries for {} ms, which is the limit: try again",
                options_.max_running, options_.max_wait_ms);
  }
  const int64_t id = next_id_++;
  running_[id] = {NowNs() + options_.max_ms * 1'000'000, std::move(cancel)};
  watch_.Signal();
  return Ticket(this, id);
}

void Gate::Leave(int64_t id) {
  MutexLock lock(&mu_);
  running_.erase(id);
  left_.Signal();
}

void Gate::Watch() {
  MutexLock lock(&mu_);
  while (!stop_) {
    const int64_t now_ns = NowNs();
    // Ids grow with deadlines, so that the first one that is not cancelled yet is the next.
    int64_t next_ns = 0;
    for (auto& [id, running] : running_) {
      if (!running.cancel) {
        continue;
      }
      if (running.deadline_ns > now_ns) {
        next_ns = running.deadline_ns;
        break;
      }
      // Under the lock, so that the ticket cannot go meanwhile.
      running.cancel();
      running.cancel = nullptr;
    }
    if (next_ns == 0) {
      watch_.Wait(&mu_);
    } else {
      watch_.WaitFor(&mu_, std::chrono::nanoseconds(next_ns - now_ns));
    }
  }
}

}  // namespace ronda::query
