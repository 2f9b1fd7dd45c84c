#include "common/codec/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ronda::codec {
namespace {

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32c, KnownVectors) {
  std::string up;
  std::string down;
  for (int i = 0; i < 32; ++i) {
    up.push_back(static_cast<char>(i));
    down.push_back(static_cast<char>(31 - i));
  }
  for (const auto& crc : {Crc32c, Crc32cPortable}) {
    EXPECT_EQ(crc("", 0), 0U);
    EXPECT_EQ(crc("123456789", 0), 0xe3069283U);
    EXPECT_EQ(crc(std::string(32, '\0'), 0), 0x8a9136aaU);
    EXPECT_EQ(crc(std::string(32, '\xff'), 0), 0x62a8ab43U);
    EXPECT_EQ(crc(up, 0), 0x46dd794eU);
    EXPECT_EQ(crc(down, 0), 0x113fdb5cU);
  }
}

TEST(Crc32c, BothWaysAgreeAndGoOnFromASeed) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes.push_back(static_cast<char>(random()));
    // From an odd address too.
    const std::string_view all = bytes;
    const size_t cut = random() % bytes.size();
    ASSERT_EQ(Crc32c(all), Crc32cPortable(all)) << i;
    ASSERT_EQ(Crc32c(all.substr(cut)), Crc32cPortable(all.substr(cut))) << i;
    ASSERT_EQ(Crc32c(all.substr(cut), Crc32c(all.substr(0, cut))), Crc32c(all)) << i;
    ASSERT_EQ(Crc32cPortable(all.substr(cut), Crc32cPortable(all.substr(0, cut))), Crc32c(all));
  }
}

}  // namespace
}  // namespace ronda::codec
