// Compressed schemas: round trips, golden bytes, what earlier versions wrote, and damage.
#include "collector/store/packed_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "collector/store/catalogue_rows.h"
#include "collector/store/checked_bytes.h"
#include "common/codec/schema_codec.h"
#include "common/codec/varint.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/collector/store/frame_maker.h"

namespace ronda::store {
namespace {

Schema Large(int series) {
  Schema schema;
  for (int i = 0; i < series / 10; ++i) {
    schema.metrics.push_back({fmt::format("node_disk_figure_{}_total", i), MetricType::kCounter,
                              "bytes", fmt::format("What figure {} of a disk says.", i)});
  }
  for (int i = 0; i < series; ++i) {
    Labels labels;
    labels.Set("device", fmt::format("sd{}", static_cast<char>('a' + i % 10)));
    schema.series.push_back({static_cast<uint32_t>(i / 10), labels});
  }
  return schema;
}

TEST(PackedSchemaTest, GivesTheSchemaBackInAFractionOfItsBytes) {
  const Schema schema = Large(500);
  const std::string packed = PackSchema(schema);
  EXPECT_LT(packed.size() * 8, codec::EncodeSchema(schema).size());
  ASSERT_OK_AND_ASSIGN(const Schema got, UnpackSchema(packed));
  EXPECT_EQ(got, schema);
}

TEST(PackedSchemaTest, WhatIsShorterPlainStaysPlain) {
  const Schema schema = *GaugeSchema(1);
  EXPECT_EQ(PackSchema(schema), codec::EncodeSchema(schema));
}

TEST(PackedSchemaTest, RowsOfEarlierVersionsAreRead) {
  const Schema schema = Large(100);
  const std::string plain_row = AddChecksum("schema/7", codec::EncodeSchema(schema));
  ASSERT_OK_AND_ASSIGN(const Schema got, DecodeSchemaRow(7, plain_row));
  EXPECT_EQ(got, schema);
  ASSERT_OK_AND_ASSIGN(const Schema new_row, DecodeSchemaRow(7, EncodeSchemaRow(7, schema)));
  EXPECT_EQ(new_row, schema);
}

// Which bytes zstd writes is its version's business; that these are read is ours.
TEST(PackedSchemaTest, TheseBytesAreRead) {
  ASSERT_OK_AND_ASSIGN(
      const Schema got,
      UnpackSchema(absl::HexStringToBytes(
          "81830328b52ffd608300cd0300a2451419704b3b00b095a156cb7225bbf4faff47d17a75239c27fa"
          "f40348abc4abe8a421ad12afa293ea8245fd582518a0600cc293f4bb3c5e57ee3e55e2e0fbc919d8"
          "227f3d16dc862335a3c25b7175310c010b18a810e04a859d7d03c0631d1010011146f034ec19f702"
          "bd3b283690469024890236fc9214")));
  EXPECT_EQ(got, Large(20));
}

TEST(PackedSchemaTest, DamageIsToldNotDecoded) {
  const std::string row = EncodeSchemaRow(7, Large(100));
  for (size_t i = 0; i < row.size(); ++i) {
    std::string bad = row;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_THAT(DecodeSchemaRow(7, bad), StatusIs(absl::StatusCode::kDataLoss, "schema/7"));
  }
  const std::string packed = PackSchema(Large(100));
  for (size_t n = 0; n < packed.size(); ++n) {
    EXPECT_FALSE(UnpackSchema(packed.substr(0, n)).ok()) << n;
  }
  EXPECT_FALSE(UnpackSchema(packed + packed.substr(1)).ok());
}

TEST(PackedSchemaTest, ALengthThatLiesTakesNoMemory) {
  std::string bomb("\x81", 1);
  codec::PutVarint(&bomb, uint64_t{1} << 40);
  EXPECT_THAT(UnpackSchema(bomb + "\x28\xb5\x2f\xfd"),
              StatusIs(absl::StatusCode::kDataLoss, "too large"));
  const std::string packed = PackSchema(Large(100));
  std::string longer("\x81", 1);
  codec::PutVarint(&longer, codec::kMaxSchemaBytes);
  EXPECT_THAT(UnpackSchema(longer + packed.substr(3)),
              StatusIs(absl::StatusCode::kDataLoss, "another length"));
}

}  // namespace
}  // namespace ronda::store
