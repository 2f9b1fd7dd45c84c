#include "collector/store/block.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "collector/store/block_chunk.h"
#include "collector/store/checked_bytes.h"
#include "common/base/status.h"
#include "common/codec/crc32c.h"
#include "common/codec/frame.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

constexpr std::string_view kMagic = "RB01";
constexpr size_t kMaxHeaderBytes = 1 << 20;

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a block with {}", what);
}

std::string FramesKey(std::string_view node_name, const RunKey& key) {
  return fmt::format("run/{}/{}/{}", node_name, key.epoch.id, key.first_seq);
}

// Differences modulo 2^64, so that no input overflows.
void PutDelta(std::string* out, uint64_t value, uint64_t* last) {
  codec::PutSigned(out, static_cast<int64_t>(value - *last));
  *last = value;
}
uint64_t ReadDelta(codec::ByteReader* in, uint64_t* last) {
  *last += static_cast<uint64_t>(in->Signed());
  return *last;
}

}  // namespace

std::string EncodeBlock(const BlockKey& key, std::span<const int64_t> t_ms,
                        std::span<const uint64_t> order,
                        std::span<const std::vector<double>> columns) {
  std::string header;
  codec::PutSigned(&header, key.source);
  codec::PutSigned(&header, key.schema);
  codec::PutU64(&header, key.epoch);
  codec::PutVarint(&header, key.first_seq);
  codec::PutVarint(&header, key.last_seq);
  codec::PutVarint(&header, t_ms.size());
  uint64_t last = 0;
  for (const int64_t t : t_ms) {
    PutDelta(&header, static_cast<uint64_t>(t), &last);
  }
  last = 0;
  for (const uint64_t o : order) {
    PutDelta(&header, o, &last);
  }
  std::string chunks;
  codec::PutVarint(&header, columns.size());
  for (const std::vector<double>& column : columns) {
    const size_t before = chunks.size();
    AppendChunk(column, &chunks);
    codec::PutVarint(&header, chunks.size() - before);
  }
  std::string out(kMagic);
  codec::PutU32(&out, static_cast<uint32_t>(header.size()));
  codec::PutU32(&out, codec::Crc32c(header));
  out.append(header);
  out.append(chunks);
  return out;
}

absl::StatusOr<size_t> BlockHeaderBytes(std::string_view prefix) {
  codec::ByteReader in(prefix);
  const bool magic = in.Take(kMagic.size()) == kMagic;
  const uint32_t size = in.U32();
  if (!in.ok() || !magic || size > kMaxHeaderBytes) {
    return Damaged("a bad prefix");
  }
  return kBlockPrefixBytes + size;
}

absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes) {
  RONDA_ASSIGN_OR_RETURN(const size_t size, BlockHeaderBytes(bytes));
  if (bytes.size() < size) {
    return Damaged("a header that is cut short");
  }
  const std::string_view header = bytes.substr(kBlockPrefixBytes, size - kBlockPrefixBytes);
  if (codec::ByteReader(bytes.substr(kMagic.size() + 4)).U32() != codec::Crc32c(header)) {
    return Damaged("a wrong checksum");
  }
  codec::ByteReader in(header);
  BlockHeader out;
  out.key.source = in.Signed();
  out.key.schema = in.Signed();
  out.key.epoch = in.U64();
  out.key.first_seq = in.Varint();
  out.key.last_seq = in.Varint();
  const uint64_t ticks = in.Varint();
  if (ticks > header.size()) {
    return Damaged("too many ticks");
  }
  uint64_t last = 0;
  for (uint64_t i = 0; i < ticks; ++i) {
    out.t_ms.push_back(static_cast<int64_t>(ReadDelta(&in, &last)));
  }
  last = 0;
  for (uint64_t i = 0; i < ticks; ++i) {
    out.order.push_back(ReadDelta(&in, &last));
  }
  const uint64_t columns = in.Varint();
  size_t offset = size;
  out.chunk_offsets.push_back(offset);
  for (uint64_t i = 0; i < columns && in.ok(); ++i) {
    offset += static_cast<size_t>(in.Varint());
    out.chunk_offsets.push_back(offset);
  }
  if (!in.done()) {
    return Damaged("a header of another length");
  }
  return out;
}

std::string EncodeFrames(std::string_view node_name, const RunKey& key,
                         std::span<const HeadFrame> frames) {
  std::string out;
  codec::PutVarint(&out, frames.size());
  for (const HeadFrame& frame : frames) {
    codec::PutSigned(&out, frame.t_ms);
    codec::PutVarint(&out, frame.order);
    codec::PutBytes(&out, frame.bytes);
  }
  return AddChecksum(FramesKey(node_name, key), out);
}

absl::StatusOr<std::vector<HeadFrame>> DecodeFrames(std::string_view node_name, const RunKey& key,
                                                    std::string_view bytes) {
  const std::optional<std::string_view> content = CheckedContent(FramesKey(node_name, key), bytes);
  if (!content) {
    return Damaged("frames with a wrong checksum");
  }
  codec::ByteReader in(*content);
  std::vector<HeadFrame> frames;
  const uint64_t n = in.Varint();
  for (uint64_t i = 0; i < n && in.ok(); ++i) {
    HeadFrame frame;
    frame.t_ms = in.Signed();
    frame.order = in.Varint();
    frame.bytes = in.Bytes();
    RONDA_ASSIGN_OR_RETURN(const codec::FrameHeader header, codec::ParseFrameHeader(frame.bytes));
    frame.seq = header.seq;
    frame.crc = header.crc;
    frames.push_back(frame);
  }
  if (!in.done()) {
    return Damaged("frames of another length");
  }
  return frames;
}

}  // namespace ronda::store
