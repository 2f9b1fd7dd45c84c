#include "common/codec/varint.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "common/codec/bits.h"
#include "common/codec/residual.h"
#include "common/codec/units.h"

namespace ronda::codec {
namespace {

TEST(Varint, RoundTripsAtEveryLength) {
  for (int bits = 0; bits <= 64; ++bits) {
    const uint64_t edge = bits == 64 ? 0 : uint64_t{1} << bits;
    for (const uint64_t v : {edge - 1, edge, edge + 1}) {
      std::string out;
      PutVarint(&out, v);
      PutSigned(&out, static_cast<int64_t>(v));
      ByteReader reader(out);
      EXPECT_EQ(reader.Varint(), v);
      EXPECT_EQ(reader.Signed(), static_cast<int64_t>(v));
      EXPECT_TRUE(reader.done());
    }
  }
}

TEST(Varint, RefusesLongSpellingsAndOverflow) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bytes :
       {""sv, "\x80"sv, "\x80\x00"sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.Varint(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.U64(), 0U);
    EXPECT_EQ(reader.Take(0), "");
    EXPECT_FALSE(reader.done());
  }
}

TEST(Varint, TakesNoMoreThanThereIs) {
  ByteReader reader(
      std::string_view("\x05"
                       "abcd"));
  EXPECT_EQ(reader.Bytes(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(Bits, TokensRoundTripWithEveryParameter) {
  std::mt19937_64 random(7);
  std::vector<uint64_t> tokens = {0, 1, 2, kTokenLimit - 1};
  for (int bits = 1; bits < 48; ++bits) {
    tokens.push_back(random() >> (64 - bits));
  }
  for (int parameter = 0; parameter <= 47; ++parameter) {
    for (const uint64_t token : tokens) {
      char buffer[64] = {};
      BitWriter writer(buffer + 1);
      writer.Put(5, 3);
      PutToken(token, parameter, &writer);
      writer.Put64(0x123456789abcdef0);
      const std::string_view bytes(buffer + 1, static_cast<size_t>(writer.Finish() - buffer - 1));
      BitReader reader(bytes);
      EXPECT_EQ(reader.Get(3), 5U);
      uint64_t back = 0;
      ASSERT_TRUE(GetToken(parameter, &reader, &back)) << parameter << " " << token;
      EXPECT_EQ(back, token);
      EXPECT_EQ(reader.Get64(), 0x123456789abcdef0U);
      EXPECT_TRUE(reader.AtEnd());
      EXPECT_EQ(reader.Get(8), 0U);
      EXPECT_TRUE(reader.overrun());
    }
  }
}

TEST(Bits, AnEndlessTokenIsRefused) {
  BitReader nothing("");
  uint64_t token = 0;
  EXPECT_FALSE(GetToken(0, &nothing, &token));
}

TEST(Units, DecimalsAreExactOrRefused) {
  int64_t m = 0;
  EXPECT_TRUE(FitsUnit(2, 12.34, &m));
  EXPECT_EQ(m, 1234);
  EXPECT_TRUE(FitsUnit(1, -0.3, &m));
  EXPECT_EQ(m, -3);
  EXPECT_FALSE(FitsUnit(2, 12.345, &m));
  EXPECT_FALSE(FitsUnit(1, 0.1 + 0.2, &m));
  EXPECT_FALSE(FitsUnit(0, -0.0, &m));
  EXPECT_FALSE(FitsUnit(3, std::nan(""), &m));
  EXPECT_FALSE(FitsUnit(0, 9007199254740992.0, &m));
  EXPECT_TRUE(FitsUnit(0, -9007199254740991.0, &m));
  EXPECT_TRUE(FitsUnit(kUnitShift + 12, 8192, &m));
  EXPECT_EQ(m, 2);
  EXPECT_FALSE(FitsUnit(kUnitShift + 12, 8191, &m));
}

}  // namespace
}  // namespace ronda::codec
