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

TEST(Digest, Sha256TakesPieces) {
  Sha256 sha256;
  sha256.Add("a");
  sha256.Add("");
  sha256.Add("bc");
  EXPECT_EQ(sha256.Finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().Finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, HexIsLowerCase) { EXPECT_EQ(ToHex(std::string_view("\x00\xff\x1a", 3)), "00ff1a"); }

TEST(Digest, RandomBitsDiffer) {
  const uint64_t a = RandomBits();
  EXPECT_NE(a, RandomBits());
}

}  // namespace
}  // namespace ronda
