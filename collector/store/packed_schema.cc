// Tested by tests/unit/collector/store/packed_schema_test.cc and fuzzed by
// tests/fuzz/schema_row_fuzz.cc.
#include "collector/store/packed_schema.h"

#include <zstd.h>

#include <cstdint>

#include "common/base/status.h"
#include "common/codec/schema_codec.h"
#include "common/codec/varint.h"

namespace ronda::store {
namespace {

// On disk: do not change. The first byte of a plain schema is its version, which is far below.
constexpr uint8_t kCompressed = 0x81;
// Beyond it the gain is a few bytes, and the time is twice that.
constexpr int kLevel = 12;

absl::Status Damaged(std::string_view what) {
  return Fail(absl::StatusCode::kDataLoss, "a compressed schema {}", what);
}

// The plain bytes of a zstd frame that has exactly `size` of them.
absl::StatusOr<std::string> Decompress(std::string_view frame, uint64_t size) {
  if (size > codec::kMaxSchemaBytes) {
    return Damaged("that is too large");
  }
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != size ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    return Damaged("of another length than it says");
  }
  std::string plain(size, '\0');
  const size_t read = ZSTD_decompress(plain.data(), plain.size(), frame.data(), frame.size());
  if (ZSTD_isError(read) != 0 || read != size) {
    return Damaged("that cannot be read");
  }
  return plain;
}

}  // namespace

std::string PackSchema(const Schema& schema) {
  std::string plain = codec::EncodeSchema(schema);
  std::string packed;
  packed.push_back(static_cast<char>(kCompressed));
  codec::PutVarint(&packed, plain.size());
  const size_t head = packed.size();
  packed.resize(head + ZSTD_compressBound(plain.size()));
  const size_t written =
      ZSTD_compress(packed.data() + head, packed.size() - head, plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(written) != 0 || head + written >= plain.size()) {
    return plain;
  }
  packed.resize(head + written);
  return packed;
}

absl::StatusOr<Schema> UnpackSchema(std::string_view bytes) {
  codec::ByteReader in(bytes);
  if (in.U8() != kCompressed || !in.ok()) {
    return codec::DecodeSchema(bytes);
  }
  const uint64_t size = in.Varint();
  if (!in.ok()) {
    return Damaged("without a length");
  }
  RONDA_ASSIGN_OR_RETURN(const std::string plain, Decompress(in.Take(in.remaining()), size));
  return codec::DecodeSchema(plain);
}

}  // namespace ronda::store
