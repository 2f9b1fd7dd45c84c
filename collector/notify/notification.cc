#include "collector/notify/notification.h"

#include <bit>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "collector/rules/alert.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::notify {
namespace {

// First byte of an encoded notification. What follows: channel, alert (EncodeAlert), from, time,
// value, reason, queued_at.
constexpr uint8_t kVersion = 1;

}  // namespace

std::string_view StatusOf(const Notification& notification) {
  return notification.event.alert.state == rules::AlertState::kResolved ? "resolved" : "firing";
}

std::string IdempotencyKey(const Notification& notification) {
  std::string bytes = rules::AlertKey(notification.event.alert);
  bytes += StatusOf(notification);
  codec::PutSigned(&bytes, notification.event.t_ms);
  codec::PutSigned(&bytes, notification.event.alert.fired_at_ms);
  const auto hash = ContentHash(bytes);
  return ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string EncodeNotification(const Notification& notification) {
  const rules::Transition& event = notification.event;
  std::string out(1, static_cast<char>(kVersion));
  codec::PutBytes(&out, notification.channel);
  codec::PutBytes(&out, rules::EncodeAlert(event.alert));
  out.push_back(static_cast<char>(event.from));
  codec::PutSigned(&out, event.t_ms);
  codec::PutU64(&out, std::bit_cast<uint64_t>(event.value));
  codec::PutBytes(&out, event.reason);
  codec::PutSigned(&out, notification.queued_at_ms);
  return out;
}

absl::StatusOr<Notification> DecodeNotification(std::string_view bytes) {
  codec::ByteReader in(bytes);
  if (const uint8_t version = in.U8(); version != kVersion) {
    return Fail(absl::StatusCode::kDataLoss,
                "reading a stored notification: version {} is not known", version);
  }
  Notification out;
  out.channel = in.Bytes();
  RONDA_ASSIGN_OR_RETURN(out.event.alert, rules::DecodeAlert(in.Bytes()));
  out.event.from = static_cast<rules::AlertState>(in.U8());
  out.event.t_ms = in.Signed();
  out.event.value = std::bit_cast<double>(in.U64());
  out.event.reason = in.Bytes();
  out.queued_at_ms = in.Signed();
  out.event.notify = true;
  if (!in.done() || out.event.from > rules::AlertState::kResolved) {
    return Fail(absl::StatusCode::kDataLoss, "reading a stored notification of {} bytes: damaged",
                bytes.size());
  }
  return out;
}

std::string FormatRfc3339(int64_t t_ms) {
  const int64_t ms = ((t_ms % 1000) + 1000) % 1000;
  const std::time_t seconds = (t_ms - ms) / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
}

}  // namespace ronda::notify
