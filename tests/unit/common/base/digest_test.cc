#include "common/base/digest.h"

#include <gtest/gtest.h>

namespace ronda {
namespace {

std::string Hex(std::string_view bytes) {
  const auto hash = ContentHash(bytes);
  return ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

TEST(Digest, IsTheFirstHalfOfSha256) {  // FIPS 180-4's examples
  EXPECT_EQ(Hex(""), "e3b0c44298fc1c149afbf4c8996fb924");
  EXPECT_EQ(Hex("abc"), "ba7816bf8f01cfea414140de5dae2223");
  EXPECT_EQ(Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039");
}

TEST(Digest, HexIsLowerCase) { EXPECT_EQ(ToHex(std::string_view("\x00\xff\x1a", 3)), "00ff1a"); }

TEST(Digest, RandomBitsDiffer) {
  const uint64_t a = RandomBits();
  EXPECT_NE(a, RandomBits());
}

}  // namespace
}  // namespace ronda
