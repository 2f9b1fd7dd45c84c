// Tested by tests/unit/collector/mute/silence_test.cc.
#include "collector/mute/silence.h"

#include <utility>

#include "collector/mute/matchers.h"
#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::mute {
namespace {

// First byte of an encoded silence. What follows: id, matchers (count, then type, name and value
// each), starts, ends, updated, created_by, comment, maintenance, name, announce.
constexpr uint8_t kVersion = 1;
constexpr uint64_t kMaxMatchers = 100;
constexpr size_t kMaxText = 4096;

// Version 4 (random) or 8 (of the maker's own kind), RFC 9562.
std::string FormatUuid(std::string_view bytes, uint8_t version) {
  std::string raw(bytes.substr(0, 16));
  raw[6] = static_cast<char>((static_cast<uint8_t>(raw[6]) & 0x0f) | (version << 4));
  raw[8] = static_cast<char>((static_cast<uint8_t>(raw[8]) & 0x3f) | 0x80);
  std::string hex = ToHex(raw);
  for (const size_t at : {20, 16, 12, 8}) {
    hex.insert(at, "-");
  }
  return hex;
}

}  // namespace

std::string_view ToString(SilenceState state) {
  switch (state) {
    case SilenceState::kPending:
      return "pending";
    case SilenceState::kActive:
      return "active";
    case SilenceState::kExpired:
      break;
  }
  return "expired";
}

SilenceState Silence::StateAt(int64_t now_ms) const {
  if (now_ms >= ends_ms) {
    return SilenceState::kExpired;
  }
  return now_ms >= starts_ms ? SilenceState::kActive : SilenceState::kPending;
}

absl::Status CheckSilence(const Silence& silence, int64_t now_ms) {
  const auto bad = [](const char* what) {
    return Fail(absl::StatusCode::kInvalidArgument, "{}", what);
  };
  RONDA_RETURN_IF_ERROR(CheckTogether(silence.matchers));
  if (silence.matchers.size() > kMaxMatchers) {
    return bad("more than 100 matchers");
  }
  if (silence.ends_ms < now_ms) {
    return bad("end time can't be in the past");
  }
  if (silence.ends_ms <= silence.starts_ms || silence.ends_ms <= now_ms) {
    return bad("start time must be before end time, and that in the future");
  }
  if (silence.ends_ms - silence.starts_ms > kMaxSilenceMs) {
    return bad("a silence may last a year at most; an alert that nobody wants needs another rule");
  }
  if (silence.comment.size() > kMaxText || silence.created_by.size() > kMaxText ||
      silence.name.size() > kMaxText) {
    return bad("a comment or name has 4096 bytes at most");
  }
  return absl::OkStatus();
}

std::string NewSilenceId() {
  std::string bytes;
  codec::PutU64(&bytes, RandomBits());
  codec::PutU64(&bytes, RandomBits());
  return FormatUuid(bytes, 4);
}

std::string SilenceIdOf(std::string_view text) {
  const auto hash = ContentHash(text);
  return FormatUuid({reinterpret_cast<const char*>(hash.data()), hash.size()}, 8);
}

bool IsSilenceId(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) {
      return false;
    }
  }
  return text.size() == 36;
}

std::string EncodeSilence(const Silence& silence) {
  std::string out(1, static_cast<char>(kVersion));
  codec::PutBytes(&out, silence.id);
  codec::PutVarint(&out, silence.matchers.size());
  for (const Matcher& matcher : silence.matchers) {
    out.push_back(static_cast<char>(matcher.type()));
    codec::PutBytes(&out, matcher.name());
    codec::PutBytes(&out, matcher.value());
  }
  codec::PutSigned(&out, silence.starts_ms);
  codec::PutSigned(&out, silence.ends_ms);
  codec::PutSigned(&out, silence.updated_ms);
  codec::PutBytes(&out, silence.created_by);
  codec::PutBytes(&out, silence.comment);
  out.push_back(silence.maintenance ? 1 : 0);
  codec::PutBytes(&out, silence.name);
  codec::PutSigned(&out, silence.announce_ms);
  return out;
}

absl::StatusOr<Silence> DecodeSilence(std::string_view bytes) {
  codec::ByteReader in(bytes);
  if (const uint8_t version = in.U8(); version != kVersion) {
    return Fail(absl::StatusCode::kDataLoss, "reading a stored silence: version {} is not known",
                version);
  }
  Silence out;
  out.id = in.Bytes();
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && i < kMaxMatchers && in.ok(); ++i) {
    const uint8_t type = in.U8();
    std::string name(in.Bytes());
    if (type > static_cast<uint8_t>(Matcher::Type::kNotRegex)) {
      return Fail(absl::StatusCode::kDataLoss, "reading a stored silence: damaged matcher");
    }
    RONDA_ASSIGN_OR_RETURN(Matcher matcher, Matcher::New(static_cast<Matcher::Type>(type),
                                                         std::move(name), std::string(in.Bytes())));
    out.matchers.push_back(std::move(matcher));
  }
  out.starts_ms = in.Signed();
  out.ends_ms = in.Signed();
  out.updated_ms = in.Signed();
  out.created_by = in.Bytes();
  out.comment = in.Bytes();
  out.maintenance = in.U8() != 0;
  out.name = in.Bytes();
  out.announce_ms = in.Signed();
  if (!in.done() || out.matchers.empty()) {
    return Fail(absl::StatusCode::kDataLoss, "reading a stored silence of {} bytes: damaged",
                bytes.size());
  }
  return out;
}

}  // namespace ronda::mute
