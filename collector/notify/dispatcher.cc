#include "collector/notify/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::notify {

Dispatcher::Dispatcher(std::unique_ptr<Channel> channel, const RetryOptions& options,
                       const Clock& clock, std::function<void(const std::string&)> done)
    : channel_(std::move(channel)),
      options_(options),
      clock_(clock),
      done_(std::move(done)),
      random_(static_cast<unsigned>(RandomBits())) {
  counters_.channel = channel_->name();
}

Dispatcher::~Dispatcher() { Stop(); }

void Dispatcher::Start() {
  if (!thread_.joinable()) {
    stop_ = false;
    thread_ = StartThread("notify-" + channel_->name(), [this] { Run(); });
  }
}

void Dispatcher::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Dispatcher::Wake() {
  MutexLock lock(&mu_);
  wake_.SignalAll();
}

ChannelCounters Dispatcher::counters() const {
  MutexLock lock(&mu_);
  return counters_;
}

void Dispatcher::Add(std::string key, Notification notification) {
  MutexLock lock(&mu_);
  if (counters_.queued >= options_.max_queued) {
    if (++counters_.overflowed == 1) {
      obs::Error("notify",
                 "channel {}: {} notifications wait in memory; further ones are kept on disk and "
                 "sent after the next start",
                 channel_->name(), counters_.queued);
    }
    return;
  }
  ++counters_.queued;
  const std::string alert = rules::AlertKey(notification.event.alert);
  std::deque<Item>& queue = by_alert_[alert];
  if (queue.empty()) {
    due_.emplace(clock_.MonotonicMs(), key, alert);
    wake_.Signal();
  }
  queue.push_back({std::move(key), std::move(notification), 0});
}

void Dispatcher::Run() {
  std::string alert;
  Item item;
  while (Next(&alert, &item)) {
    const SendResult result = channel_->Send(item.notification, stop_);
    if (Finish(alert, result)) {
      done_(item.key);
    }
  }
}

bool Dispatcher::Next(std::string* alert, Item* item) {
  MutexLock lock(&mu_);
  while (!stop_) {
    if (due_.empty()) {
      wake_.Wait(&mu_);
      continue;
    }
    const int64_t wait_ms = std::get<0>(*due_.begin()) - clock_.MonotonicMs();
    if (wait_ms > 0) {
      wake_.WaitFor(&mu_, std::chrono::milliseconds(wait_ms));
      continue;
    }
    *alert = std::get<2>(*due_.begin());
    due_.erase(due_.begin());
    *item = by_alert_.find(*alert)->second.front();
    return true;
  }
  return false;
}

bool Dispatcher::Finish(const std::string& alert, const SendResult& result) {
  MutexLock lock(&mu_);
  std::deque<Item>& queue = by_alert_.find(alert)->second;
  Item& item = queue.front();
  if (stop_ && result.status.code() == absl::StatusCode::kCancelled) {
    due_.emplace(clock_.MonotonicMs(), item.key, alert);  // for a later Start()
    return false;
  }
  const bool too_old = clock_.NowMs() - item.notification.queued_at_ms >= options_.give_up_after_ms;
  if (result.next == SendResult::Next::kRetry && !too_old) {
    ++counters_.retried;
    ++item.attempts;
    const int64_t delay_ms = DelayMs(item, result);
    due_.emplace(clock_.MonotonicMs() + delay_ms, item.key, alert);
    if (!failing_) {
      failing_ = true;
      obs::Warn("notify", "channel {} fails, trying again in {} ms: {}", channel_->name(), delay_ms,
                Message(result.status));
    }
    return false;
  }
  if (result.next == SendResult::Next::kDone) {
    ++counters_.sent;
    if (failing_) {
      failing_ = false;
      obs::Info("notify", "channel {} works again", channel_->name());
    }
  } else {
    ++counters_.failed;
    obs::Error("notify", "channel {} could not tell that {} is {}, given up after {} attempts: {}",
               channel_->name(), item.notification.event.alert.rule, StatusOf(item.notification),
               item.attempts + 1, Message(result.status));
  }
  --counters_.queued;
  queue.pop_front();
  if (queue.empty()) {
    by_alert_.erase(alert);
  } else {
    due_.emplace(clock_.MonotonicMs(), queue.front().key, alert);
  }
  return true;
}

int64_t Dispatcher::DelayMs(const Item& item, const SendResult& result) {
  const int doublings = std::min(item.attempts - 1, 30);
  const int64_t plain = std::min(options_.first_delay_ms << doublings, options_.max_delay_ms);
  std::uniform_real_distribution<double> jitter(0.8, 1.2);
  const auto delay = static_cast<int64_t>(static_cast<double>(plain) * jitter(random_));
  return std::max(std::min(delay, options_.max_delay_ms), result.retry_after_ms);
}

}  // namespace ronda::notify
