// Tested by tests/unit/collector/ingest/missing_test.cc.
#include "collector/store/hole.h"

#include "common/base/status.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

std::string Hole::Key() const { return fmt::format("{}/{:016x}/{}", node, epoch, seqs.first); }

std::string Hole::Encode() const {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  codec::PutBytes(&out, node);
  codec::PutU64(&out, epoch);
  codec::PutSigned(&out, epoch_started_ms);
  codec::PutVarint(&out, seqs.first);
  codec::PutVarint(&out, seqs.last);
  codec::PutSigned(&out, from_ms);
  codec::PutSigned(&out, to_ms);
  codec::PutBytes(&out, cause);
  return out;
}

absl::StatusOr<Hole> DecodeHole(std::string_view bytes) {
  codec::ByteReader in(bytes);
  const bool known = in.U8() == kVersion;
  Hole hole;
  hole.node = in.Bytes();
  hole.epoch = in.U64();
  hole.epoch_started_ms = in.Signed();
  hole.seqs.first = in.Varint();
  hole.seqs.last = in.Varint();
  hole.from_ms = in.Signed();
  hole.to_ms = in.Signed();
  hole.cause = in.Bytes();
  if (!known || !in.done() || hole.seqs.first > hole.seqs.last) {
    return Fail(absl::StatusCode::kDataLoss, "the state of a hole of {} bytes is malformed",
                bytes.size());
  }
  return hole;
}

}  // namespace ronda::store
