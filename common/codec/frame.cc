#include "common/codec/frame.h"

#include <cstring>

#include "common/base/status.h"
#include "common/codec/crc32c.h"
#include "common/codec/frame_format.h"
#include "common/codec/varint.h"

namespace ronda::codec {

void PutFrameHeader(FrameKind kind, uint32_t group, uint64_t seq, uint64_t prev_seq,
                    std::string* out) {
  out->push_back(static_cast<char>((kFrameVersion << 4) | static_cast<uint8_t>(kind)));
  PutVarint(out, group);
  PutVarint(out, seq);
  if (!IsKey(kind)) {
    PutVarint(out, seq - prev_seq);
  }
}

void PutFrameCrc(size_t begin, std::string* out) {
  PutU32(out, Crc32c(std::string_view(*out).substr(begin)));
}

absl::Status OpenFrame(std::string_view frame, FrameHeader* header, std::string_view* payload) {
  if (frame.size() > kMaxFrameBytes) {
    return Fail(absl::StatusCode::kDataLoss, "reading a frame: {} bytes are more than {}",
                frame.size(), kMaxFrameBytes);
  }
  if (frame.size() <= kCrcBytes) {
    return Fail(absl::StatusCode::kDataLoss, "reading a frame: truncated to {} bytes",
                frame.size());
  }
  const std::string_view body = frame.substr(0, frame.size() - kCrcBytes);
  std::memcpy(&header->crc, body.data() + body.size(), kCrcBytes);
  const uint32_t crc = Crc32c(body);
  if (crc != header->crc) {
    return Fail(absl::StatusCode::kDataLoss,
                "reading a frame of {} bytes: checksum is {:08x}, should be {:08x}", frame.size(),
                crc, header->crc);
  }
  ByteReader reader(body);
  const uint8_t first = reader.U8();
  const int version = first >> 4;
  const int kind = first & 15;
  if (version > kFrameVersion || kind > static_cast<int>(FrameKind::kRecordDelta)) {
    return Fail(absl::StatusCode::kUnimplemented,
                "reading a frame: version {} kind {} is later than this program", version, kind);
  }
  header->kind = static_cast<FrameKind>(kind);
  const uint64_t group = reader.Varint();
  header->group = static_cast<uint32_t>(group);
  header->seq = reader.Varint();
  const uint64_t back = IsKey(header->kind) ? header->seq : reader.Varint();
  header->prev_seq = header->seq - back;
  const bool chained = IsKey(header->kind) || (back > 0 && back < header->seq);
  if (!reader.ok() || version == 0 || kind == 0 || group > UINT32_MAX || header->seq == 0 ||
      !chained) {
    return Fail(absl::StatusCode::kDataLoss, "reading a frame of {} bytes: bad header",
                frame.size());
  }
  *payload = body.substr(body.size() - reader.remaining());
  return absl::OkStatus();
}

absl::StatusOr<FrameHeader> ParseFrameHeader(std::string_view frame) {
  FrameHeader header;
  std::string_view payload;
  RONDA_RETURN_IF_ERROR(OpenFrame(frame, &header, &payload));
  return header;
}

}  // namespace ronda::codec
