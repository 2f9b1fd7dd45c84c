// Tested by tests/unit/collector/store/packed_schema_test.cc and fuzzed by
// tests/fuzz/schema_row_fuzz.cc.
#include "collector/store/packed_schema.h"

#include <cstdint>

#include "collector/store/zstd_bytes.h"
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

}  // namespace

std::string PackSchema(const Schema& schema) {
  std::string plain = codec::EncodeSchema(schema);
  std::string packed;
  packed.push_back(static_cast<char>(kCompressed));
  codec::PutVarint(&packed, plain.size());
  const std::string frame = CompressBytes(plain, kLevel);
  if (frame.empty() || packed.size() + frame.size() >= plain.size()) {
    return plain;
  }
  return packed + frame;
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
  RONDA_ASSIGN_OR_RETURN(const std::string plain,
                         DecompressBytes(in.Take(in.remaining()), size, codec::kMaxSchemaBytes,
                                         "a compressed schema"));
  return codec::DecodeSchema(plain);
}

}  // namespace ronda::store
