// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ronda {

// The first 128 bits of the SHA-256 of `bytes`: names content (schemas) so that nobody can make
// another content with the same name.
std::array<uint8_t, 16> ContentHash(std::string_view bytes);

// Lower-case hexadecimal.
std::string ToHex(std::string_view bytes);

// 64 random bits from the kernel.
uint64_t RandomBits();

}  // namespace ronda
