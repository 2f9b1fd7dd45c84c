// SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ronda {

// The first 128 bits of the SHA-256 of `bytes`: names content (schemas) so that nobody can make
// another content with the same name.
std::array<uint8_t, 16> ContentHash(std::string_view bytes);

// The SHA-256 of bytes that come in pieces. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  // Lower-case hexadecimal. Once.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Lower-case hexadecimal.
std::string ToHex(std::string_view bytes);

// 64 random bits from the kernel.
uint64_t RandomBits();

}  // namespace ronda
