// The thread that feeds one channel.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "collector/notify/channel.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"

namespace ronda::notify {

struct RetryOptions {
  int64_t first_delay_ms = 1'000;  // then twice as long each time, give or take a fifth
  int64_t max_delay_ms = 300'000;
  int64_t give_up_after_ms = 24 * 3'600'000;  // since it was queued
  size_t max_queued = 10'000;                 // in memory, of one channel
};

struct ChannelCounters {
  std::string channel;
  uint64_t sent = 0;
  uint64_t retried = 0;     // attempts that failed and will be made again
  uint64_t failed = 0;      // given up
  uint64_t overflowed = 0;  // not taken into memory; they wait in the store for the next start
  size_t queued = 0;
};

// Sends notifications in order per alert: the next one of an alert waits until the one before is
// sent or given up, while other alerts go on. Thread-safe.
class Dispatcher {
 public:
  // `done(key)` is called, with nothing locked, from the dispatcher's thread once for each
  // notification that is sent or given up. `clock` must outlive the object.
  Dispatcher(std::unique_ptr<Channel> channel, const RetryOptions& options, const Clock& clock,
             std::function<void(const std::string& key)> done);
  ~Dispatcher();

  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Queues; sends once Start() was called. Keys are unique and ascending per alert.
  void Add(std::string key, Notification notification) ABSL_LOCKS_EXCLUDED(mu_);

  void Start();
  // Interrupts an attempt and joins. What is queued stays queued, and can be sent after another
  // Start(). Idempotent.
  void Stop();

  // Looks at the clock again: for whoever moves a fake one.
  void Wake() ABSL_LOCKS_EXCLUDED(mu_);

  ChannelCounters counters() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Item {
    std::string key;
    Notification notification;
    int attempts = 0;
  };
  // When, the key of the notification (older first), its alert.
  using Due = std::tuple<int64_t, std::string, std::string>;

  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for the next one that is due; false if it is time to stop.
  bool Next(std::string* alert, Item* item) ABSL_LOCKS_EXCLUDED(mu_);
  // Notes how it ended; true if it is over.
  bool Finish(const std::string& alert, const SendResult& result) ABSL_LOCKS_EXCLUDED(mu_);
  int64_t DelayMs(const Item& item, const SendResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::unique_ptr<Channel> channel_;
  const RetryOptions options_;
  const Clock& clock_;
  const std::function<void(const std::string&)> done_;
  std::atomic<bool> stop_{false};
  std::thread thread_;  // touched by Start() and Stop() only

  mutable Mutex mu_;
  CondVar wake_;
  StringMap<std::deque<Item>> by_alert_ ABSL_GUARDED_BY(mu_);
  std::set<Due> due_ ABSL_GUARDED_BY(mu_);  // the first of each alert, but for the one in flight
  bool failing_ ABSL_GUARDED_BY(mu_) = false;
  std::minstd_rand random_ ABSL_GUARDED_BY(mu_);
  ChannelCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::notify
