// What a channel tells, and how the outbox keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/rules/transition.h"

namespace ronda::notify {

// A transition that people are told, for one channel.
struct Notification {
  std::string channel;       // its name
  rules::Transition event;   // to firing, or to resolved
  int64_t queued_at_ms = 0;  // the collector's wall time
};

// "firing" or "resolved".
std::string_view StatusOf(const Notification& notification);

// 32 hexadecimal digits that are the same for each attempt to tell this transition, also after a
// restart: receivers tell repetitions by it.
std::string IdempotencyKey(const Notification& notification);

// As values of the outbox. Decode: kDataLoss.
std::string EncodeNotification(const Notification& notification);
absl::StatusOr<Notification> DecodeNotification(std::string_view bytes);

// "2026-11-20T08:00:00.123Z" (RFC 3339).
std::string FormatRfc3339(int64_t t_ms);

}  // namespace ronda::notify
