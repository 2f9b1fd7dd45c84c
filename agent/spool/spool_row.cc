// Tested by tests/unit/agent/spool/spool_row_test.cc.
#include "agent/spool/spool_row.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/codec/crc32c.h"
#include "common/codec/frame.h"
#include "common/codec/varint.h"

namespace ronda::agent {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kChecksumBytes = 4;

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a row of the spool: {}", what);
}

}  // namespace

std::string EncodePiece(const Piece& piece) {
  std::string out;
  out.push_back(static_cast<char>(kVersion));
  codec::PutU64(&out, piece.epoch.id);
  codec::PutSigned(&out, piece.epoch.started_ms);
  codec::PutVarint(&out, piece.key.first_seq);
  codec::PutVarint(&out, piece.group);
  out.append(reinterpret_cast<const char*>(piece.hash.data()), piece.hash.size());
  codec::PutVarint(&out, piece.frames.size());
  int64_t t_ms = 0;
  for (const KeptFrame& frame : piece.frames) {
    codec::PutSigned(&out, codec::WrappingSub(frame.t_ms, t_ms));
    codec::PutBytes(&out, *frame.bytes);
    t_ms = frame.t_ms;
  }
  codec::PutU32(&out, codec::Crc32c(out));
  return out;
}

absl::StatusOr<Piece> DecodePiece(std::string_view bytes) {
  if (bytes.size() <= kChecksumBytes) {
    return Damaged("too short");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  codec::ByteReader checksum(bytes.substr(body.size()));
  if (checksum.U32() != codec::Crc32c(body)) {
    return Damaged("wrong checksum");
  }
  codec::ByteReader in(body);
  if (const uint8_t version = in.U8(); version != kVersion) {
    return Fail(version > kVersion ? absl::StatusCode::kUnimplemented : absl::StatusCode::kDataLoss,
                "a row of the spool has version {}, this agent knows {}", version, kVersion);
  }
  Piece piece;
  piece.epoch.id = in.U64();
  piece.epoch.started_ms = in.Signed();
  piece.key.first_seq = in.Varint();
  const uint64_t group = in.Varint();
  const std::string_view hash = in.Take(piece.hash.size());
  const uint64_t count = in.Varint();
  if (!in.ok() || piece.epoch.id == 0 || piece.key.first_seq == 0 || group > UINT32_MAX ||
      count == 0 || count > static_cast<uint64_t>(codec::kMaxRunFrames)) {
    return Damaged("malformed");
  }
  piece.group = static_cast<uint32_t>(group);
  std::copy(hash.begin(), hash.end(), piece.hash.begin());
  int64_t t_ms = 0;
  uint64_t last_seq = 0;
  for (uint64_t i = 0; i < count; ++i) {
    t_ms = codec::WrappingAdd(t_ms, in.Signed());
    const std::string_view frame = in.Bytes();
    if (!in.ok()) {
      return Damaged("truncated");
    }
    RONDA_ASSIGN_OR_RETURN(const codec::FrameHeader header, codec::ParseFrameHeader(frame));
    const bool first_of_run = header.seq == piece.key.first_seq;
    if (header.group != piece.group || header.seq <= last_seq || header.seq < piece.key.first_seq ||
        first_of_run != codec::IsKey(header.kind) || (i > 0 && header.prev_seq != last_seq)) {
      return Damaged("frames of another run, or out of order");
    }
    last_seq = header.seq;
    piece.frames.push_back({header.seq, t_ms, std::make_shared<const std::string>(frame)});
  }
  if (!in.done()) {
    return Damaged("more than its frames");
  }
  return piece;
}

}  // namespace ronda::agent
