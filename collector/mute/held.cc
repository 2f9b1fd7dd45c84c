// Tested by tests/unit/collector/mute/gate_test.cc.
#include "collector/mute/held.h"

#include <utility>

#include "collector/notify/notification.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::mute {
namespace {

// First byte of an encoded entry. What follows: flags, why, changes (count, then each), and while
// it is due the transition, as a notification of no channel.
constexpr uint8_t kVersion = 1;
constexpr uint8_t kToldFiring = 1;
constexpr uint8_t kDue = 2;
constexpr uint8_t kUnknown = 4;
constexpr uint8_t kDamped = 8;
constexpr uint64_t kMaxChanges = 1000;

}  // namespace

std::string EncodeHeld(const Held& held) {
  std::string out(1, static_cast<char>(kVersion));
  out.push_back(static_cast<char>((held.told_firing ? kToldFiring : 0) | (held.due ? kDue : 0) |
                                  (held.unknown ? kUnknown : 0) | (held.damped ? kDamped : 0)));
  codec::PutBytes(&out, held.why);
  codec::PutVarint(&out, held.changes_ms.size());
  for (const int64_t t_ms : held.changes_ms) {
    codec::PutSigned(&out, t_ms);
  }
  if (held.due) {
    codec::PutBytes(&out, notify::EncodeNotification({"", held.last, 0}));
  }
  return out;
}

absl::StatusOr<Held> DecodeHeld(std::string_view bytes) {
  codec::ByteReader in(bytes);
  if (const uint8_t version = in.U8(); version != kVersion) {
    return Fail(absl::StatusCode::kDataLoss, "reading a held message: version {} is not known",
                version);
  }
  Held out;
  const uint8_t flags = in.U8();
  out.told_firing = (flags & kToldFiring) != 0;
  out.due = (flags & kDue) != 0;
  out.unknown = (flags & kUnknown) != 0;
  out.damped = (flags & kDamped) != 0;
  out.why = in.Bytes();
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && i < kMaxChanges && in.ok(); ++i) {
    out.changes_ms.push_back(in.Signed());
  }
  if (out.due) {
    RONDA_ASSIGN_OR_RETURN(notify::Notification last, notify::DecodeNotification(in.Bytes()));
    out.last = std::move(last.event);
  }
  if (!in.done()) {
    return Fail(absl::StatusCode::kDataLoss, "reading a held message of {} bytes: damaged",
                bytes.size());
  }
  return out;
}

}  // namespace ronda::mute
