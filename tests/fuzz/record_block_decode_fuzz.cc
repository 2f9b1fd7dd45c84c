// Blocks of packed records: no input breaks the decoder, and what it takes survives being encoded
// again. The checksum is put right first, or nothing but it would be tested.
#include <string>
#include <utility>

#include "collector/store/record_block.h"
#include "common/base/check.h"
#include "common/codec/crc32c.h"
#include "common/codec/varint.h"

int Fuzz_record_block_decode(const uint8_t* data, size_t size) {
  using ronda::store::RecordBlock;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)ronda::store::DecodeRecordBlock(input);
  std::string block = "RR01";
  ronda::codec::PutU32(&block, static_cast<uint32_t>(size));
  ronda::codec::PutU32(&block, ronda::codec::Crc32c(input));
  block += input;
  const absl::StatusOr<RecordBlock> first = ronda::store::DecodeRecordBlock(block);
  if (!first.ok()) {
    return 0;
  }
  const auto second = ronda::store::DecodeRecordBlock(ronda::store::EncodeRecordBlock(*first));
  RONDA_CHECK(second.ok());
  RONDA_CHECK(second->node == first->node && second->kind == first->kind);
  RONDA_CHECK(second->hour == first->hour && second->columns == first->columns);
  RONDA_CHECK(second->records.size() == first->records.size());
  for (size_t i = 0; i < first->records.size(); ++i) {
    RONDA_CHECK(IsSame(second->records[i], first->records[i]));
  }
  return 0;
}
