#include "collector/rules/alert.h"

#include <bit>

#include <fmt/format.h>

#include "common/base/digest.h"
#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::rules {
namespace {

// First byte of an encoded alert. What follows: rule, group, node, labels, annotations (count, then
// name and value each), state, before_unknown, the four times, value, reason.
constexpr uint8_t kVersion = 1;
constexpr uint64_t kMaxLabels = 1000;

void PutLabels(std::string* out, const std::vector<Label>& labels) {
  codec::PutVarint(out, labels.size());
  for (const Label& label : labels) {
    codec::PutBytes(out, label.name);
    codec::PutBytes(out, label.value);
  }
}

std::vector<Label> ReadLabels(codec::ByteReader& in) {
  std::vector<Label> labels;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && i < kMaxLabels && in.ok(); ++i) {
    std::string name(in.Bytes());
    labels.push_back({std::move(name), std::string(in.Bytes())});
  }
  return labels;
}

bool IsActive(AlertState state) {
  return state == AlertState::kPending || state == AlertState::kFiring ||
         state == AlertState::kUnknown;
}

}  // namespace

std::string_view ToString(AlertState state) {
  switch (state) {
    case AlertState::kInactive:
      return "inactive";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
    case AlertState::kUnknown:
      return "unknown";
    case AlertState::kResolved:
      return "resolved";
  }
  return "invalid";
}

std::string AlertKey(const Alert& alert) {
  std::string bytes;
  codec::PutBytes(&bytes, alert.group);
  codec::PutBytes(&bytes, alert.rule);
  PutLabels(&bytes, alert.labels.all());
  const auto hash = ContentHash(bytes);
  return ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string Fingerprint(const Labels& labels) {
  uint64_t hash = 14695981039346656037ULL;
  const auto add = [&hash](std::string_view bytes) {
    for (const char c : bytes) {
      hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
    }
    hash = (hash ^ 0xFF) * 1099511628211ULL;
  };
  for (const Label& label : labels.all()) {
    add(label.name);
    add(label.value);
  }
  return fmt::format("{:016x}", hash);
}

std::string EncodeAlert(const Alert& alert) {
  std::string out(1, static_cast<char>(kVersion));
  codec::PutBytes(&out, alert.rule);
  codec::PutBytes(&out, alert.group);
  codec::PutBytes(&out, alert.node);
  PutLabels(&out, alert.labels.all());
  PutLabels(&out, alert.annotations);
  out.push_back(static_cast<char>(alert.state));
  out.push_back(static_cast<char>(alert.before_unknown));
  codec::PutSigned(&out, alert.active_at_ms);
  codec::PutSigned(&out, alert.fired_at_ms);
  codec::PutSigned(&out, alert.changed_at_ms);
  codec::PutSigned(&out, alert.keep_since_ms);
  codec::PutU64(&out, std::bit_cast<uint64_t>(alert.value));
  codec::PutBytes(&out, alert.reason);
  return out;
}

absl::StatusOr<Alert> DecodeAlert(std::string_view bytes) {
  codec::ByteReader in(bytes);
  if (const uint8_t version = in.U8(); version != kVersion) {
    return Fail(absl::StatusCode::kDataLoss, "reading a stored alert: version {} is not known",
                version);
  }
  Alert alert;
  alert.rule = in.Bytes();
  alert.group = in.Bytes();
  alert.node = in.Bytes();
  alert.labels = Labels(ReadLabels(in));
  alert.annotations = ReadLabels(in);
  alert.state = static_cast<AlertState>(in.U8());
  alert.before_unknown = static_cast<AlertState>(in.U8());
  alert.active_at_ms = in.Signed();
  alert.fired_at_ms = in.Signed();
  alert.changed_at_ms = in.Signed();
  alert.keep_since_ms = in.Signed();
  alert.value = std::bit_cast<double>(in.U64());
  alert.reason = in.Bytes();
  if (!in.done() || alert.state > AlertState::kResolved ||
      alert.before_unknown > AlertState::kFiring ||
      (alert.state == AlertState::kUnknown && !IsActive(alert.before_unknown))) {
    return Fail(absl::StatusCode::kDataLoss, "reading a stored alert of {} bytes: damaged",
                bytes.size());
  }
  return alert;
}

}  // namespace ronda::rules
