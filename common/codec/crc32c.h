// CRC32C (Castagnoli; RFC 3720, section 12.1), the checksum of frames.
#pragma once

#include <cstdint>
#include <string_view>

namespace ronda::codec {

// By the processor's instruction where it has one. `seed` is the checksum of what came before, so
// that Crc32c(b, Crc32c(a)) is that of a and b in one. Thread-safe.
uint32_t Crc32c(std::string_view bytes, uint32_t seed = 0);

// The same by tables, on any processor; for tests and as the fallback.
uint32_t Crc32cPortable(std::string_view bytes, uint32_t seed = 0);

}  // namespace ronda::codec
