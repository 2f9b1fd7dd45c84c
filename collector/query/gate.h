// Admission of queries: how many run at once, how many wait, how long one may take.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace ronda::query {

// Thread-safe. A query enters, runs in its caller's thread while it holds the ticket, and leaves
// with it. One that holds it for longer than `max_ms` is cancelled: a receiver that stops reading
// would else keep its place for ever.
class Gate {
 public:
  struct Options {
    int max_running = 4;
    int max_waiting = 16;
    int64_t max_wait_ms = 5'000;
    int64_t max_ms = 35'000;  // more than the limit of the query itself: that has a better message
  };

  // Starts the thread that cancels.
  explicit Gate(const Options& options);
  // All tickets must be gone.
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Leaves the gate when destroyed.
  class Ticket {
   public:
    ~Ticket();
    Ticket(Ticket&& other) noexcept : gate_(other.gate_), id_(other.id_) { other.gate_ = nullptr; }
    Ticket& operator=(Ticket&&) = delete;

   private:
    friend class Gate;
    Ticket(Gate* gate, int64_t id) : gate_(gate), id_(id) {}
    Gate* gate_;
    int64_t id_;
  };

  // Waits for a place. `cancel` is called at most once, from another thread, and never after the
  // ticket is gone; it must not block. kResourceExhausted: too many run and wait already.
  absl::StatusOr<Ticket> Enter(std::function<void()> cancel);

 private:
  struct Running {
    int64_t deadline_ns = 0;
    std::function<void()> cancel;  // empty once called
  };

  void Leave(int64_t id);
  void Watch();

  const Options options_;
  Mutex mu_;
  CondVar left_;
  CondVar watch_;
  std::map<int64_t, Running> running_ ABSL_GUARDED_BY(mu_);
  int64_t next_id_ ABSL_GUARDED_BY(mu_) = 0;
  int waiting_ ABSL_GUARDED_BY(mu_) = 0;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread watcher_;
};

}  // namespace ronda::query
