#include "common/codec/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ronda::codec {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[j][b]: what byte b contributes when j more bytes follow it ("slicing by 8").
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    }
    tables[0][b] = crc;
  }
  for (size_t j = 1; j < tables.size(); ++j) {
    for (size_t b = 0; b < 256; ++b) {
      const uint32_t before = tables[j - 1][b];
      tables[j][b] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint64_t Load64(const char* p) {
  uint64_t v = 0;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cSse42(std::string_view bytes, uint32_t seed) {
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t crc = ~seed;
  for (; n >= 8; n -= 8, p += 8) {
    crc = _mm_crc32_u64(crc, Load64(p));
  }
  auto low = static_cast<uint32_t>(crc);
  for (; n > 0; --n, ++p) {
    low = _mm_crc32_u8(low, static_cast<uint8_t>(*p));
  }
  return ~low;
}
#endif

}  // namespace

uint32_t Crc32cPortable(std::string_view bytes, uint32_t seed) {
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint32_t crc = ~seed;
  for (; n >= 8; n -= 8, p += 8) {
    const uint64_t x = Load64(p) ^ crc;
    crc = 0;
    for (size_t j = 0; j < 8; ++j) {
      crc ^= kTables[7 - j][(x >> (8 * j)) & 0xff];
    }
  }
  for (; n > 0; --n, ++p) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*p)) & 0xff];
  }
  return ~crc;
}

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
  if (kHasInstruction) {
    return Crc32cSse42(bytes, seed);
  }
#endif
  return Crc32cPortable(bytes, seed);
}

}  // namespace ronda::codec
