// Tested by tests/unit/collector/ingest/node_life_test.cc.
#include "collector/store/node_life.h"

#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr uint8_t kVersion = 1;
// With the name that the node has now.
constexpr uint8_t kRenamedVersion = 2;

}  // namespace

std::string NodeLife::Encode() const {
  std::string out;
  out.push_back(static_cast<char>(now.empty() ? kVersion : kRenamedVersion));
  codec::PutBytes(&out, node);
  out.push_back(static_cast<char>(state));
  codec::PutSigned(&out, at_ms);
  codec::PutBytes(&out, by);
  if (!now.empty()) {
    codec::PutBytes(&out, now);
  }
  return out;
}

absl::StatusOr<NodeLife> DecodeNodeLife(std::string_view bytes) {
  codec::ByteReader in(bytes);
  const uint8_t version = in.U8();
  const bool known = version == kVersion || version == kRenamedVersion;
  NodeLife life;
  life.node = in.Bytes();
  const uint8_t state = in.U8();
  life.state = static_cast<LifeState>(state);
  life.at_ms = in.Signed();
  life.by = in.Bytes();
  if (version == kRenamedVersion) {
    life.now = in.Bytes();
  }
  if (!known || !in.done() || state < 1 || state > 2) {
    return Fail(absl::StatusCode::kDataLoss, "the state of a node of {} bytes is malformed",
                bytes.size());
  }
  return life;
}

std::string NodeMachine::Encode() const {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  codec::PutBytes(&out, node);
  codec::PutBytes(&out, id);
  codec::PutSigned(&out, changed_ms);
  return out;
}

absl::StatusOr<NodeMachine> DecodeNodeMachine(std::string_view bytes) {
  codec::ByteReader in(bytes);
  const bool known = in.U8() == kVersion;
  NodeMachine machine;
  machine.node = in.Bytes();
  machine.id = in.Bytes();
  machine.changed_ms = in.Signed();
  if (!known || !in.done()) {
    return Fail(absl::StatusCode::kDataLoss, "the machine of a node of {} bytes is malformed",
                bytes.size());
  }
  return machine;
}

}  // namespace ronda::store
