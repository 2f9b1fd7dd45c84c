// Tested by tests/unit/agent/stream/stream_client_test.cc and tests/e2e/reconnect_test.cc.
#include "agent/stream/failover.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>

#include "agent/stream/connect.h"
#include "common/base/digest.h"
#include "common/obs/log.h"

namespace ronda::agent {
namespace {

constexpr std::chrono::milliseconds kStep{200};
constexpr int kReachSteps = 20;
constexpr std::chrono::milliseconds kReachStep{100};

}  // namespace

Failover::Failover(const StreamOptions& options, RunQueue& queue, StreamSession& session,
                   const Clock& clock)
    : options_(options),
      queue_(queue),
      session_(session),
      clock_(clock),
      return_after_ms_(options.return_after_ms) {}

size_t Failover::NextAfter(size_t index, bool* at_once) {
  MutexLock lock(&session_.mu);
  *at_once = go_back_;
  if (go_back_) {
    go_back_ = false;
    returned_mono_ms_ = clock_.MonotonicMs();
    return 0;
  }
  if (index == 0 && returned_mono_ms_ != 0 &&
      clock_.MonotonicMs() - returned_mono_ms_ < return_after_ms_) {
    return_after_ms_ = std::min(2 * return_after_ms_, 32 * options_.return_after_ms);
  }
  return (index + 1) % options_.collectors.size();
}

void Failover::Watch(size_t index) {
  int64_t reachable_since = 0;  // monotonic
  int64_t probe_at = clock_.MonotonicMs() + options_.failover_after_ms;
  const auto jitter = static_cast<int64_t>(RandomBits() % 1000);
  for (;;) {
    {
      MutexLock lock(&session_.mu);
      session_.cv.WaitFor(&session_.mu, kStep);
      if (session_.stream_over || session_.stopping || session_.context == nullptr) {
        return;
      }
      const int64_t now = clock_.MonotonicMs();
      const bool waits = queue_.oldest_wait().count() > options_.failover_after_ms;
      if (waits && now - session_.heard_mono_ms > options_.failover_after_ms) {
        EndStream("it acknowledges nothing");
        return;
      }
      if (index == 0 || now < probe_at) {
        continue;
      }
      probe_at = now + std::max<int64_t>(return_after_ms_ / 6, 200) + jitter % 200;
    }
    const bool reachable = CanReach(options_.collectors.front());
    MutexLock lock(&session_.mu);
    const int64_t now = clock_.MonotonicMs();
    reachable_since = !reachable ? 0 : reachable_since == 0 ? now : reachable_since;
    if (reachable && now - reachable_since >= return_after_ms_ + return_after_ms_ * jitter / 2000) {
      go_back_ = true;
      EndStream("the first collector of the list is there again");
      return;
    }
  }
}

void Failover::EndStream(const std::string& why) {
  obs::Warn("stream", "leaves the collector={} because {}", session_.state.collector, why);
  session_.state.last_error = why;
  if (session_.context != nullptr) {
    session_.context->TryCancel();
  }
}

bool Failover::CanReach(const std::string& collector) {
  const auto opened = NewChannel(options_, collector);
  if (!opened.ok()) {
    return false;
  }
  grpc::Channel* const channel = opened->get();
  for (int i = 0; i < kReachSteps; ++i) {
    if (channel->WaitForConnected(std::chrono::system_clock::now() + kReachStep)) {
      return true;
    }
    MutexLock lock(&session_.mu);
    if (session_.stream_over || session_.stopping ||
        channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      return false;
    }
  }
  return false;
}

}  // namespace ronda::agent
