// A way to tell people: one file per kind.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/notify/config.h"
#include "collector/notify/notification.h"

namespace ronda::notify {

// How an attempt ended. A status that is not OK says why, without secrets.
struct SendResult {
  enum class Next { kDone, kRetry, kGiveUp };
  Next next = Next::kDone;
  absl::Status status;
  int64_t retry_after_ms = 0;  // of kRetry: not before that; 0 if the receiver did not say
};

// Used by one thread at a time.
class Channel {
 public:
  virtual ~Channel() = default;

  virtual const std::string& name() const = 0;

  // One attempt. May block as long as its time-out; returns soon (about a second) after `cancel`
  // became true.
  virtual SendResult Send(const Notification& notification, const std::atomic<bool>& cancel) = 0;
};

// kInvalidArgument if the configuration cannot work (names the channel, not the URL).
absl::StatusOr<std::unique_ptr<Channel>> NewChannel(const ChannelConfig& config);

// Lines in the collector's own log. Never fails.
std::unique_ptr<Channel> NewLogChannel(const ChannelConfig& config);

// POSTs Alertmanager's webhook JSON, version 4 (webhook_json.h), one alert a message, with the
// headers Content-Type, User-Agent and Idempotency-Key. 2xx is success; 408, 429 and 5xx are
// retried (Retry-After is honoured), so are network errors; all other answers, redirects among
// them, are final. Connecting may take 5 s, all of it config.timeout_ms.
absl::StatusOr<std::unique_ptr<Channel>> NewWebhookChannel(const ChannelConfig& config);

}  // namespace ronda::notify
