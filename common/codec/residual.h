// The code of a residual: exponential Golomb with a parameter that follows the series.
// FORMAT.md, "Tokens".
#pragma once

#include <bit>
#include <cstdint>

#include "common/codec/bits.h"
#include "common/codec/frame_format.h"

namespace ronda::codec {

// How many bits the tokens of a series have had lately, in sixteenths.
class TokenWidth {
 public:
  static constexpr int kStart = 4 * 16;

  int parameter() const { return (width_ + 8) >> 4; }
  void Follow(uint64_t token) {
    const int bits = static_cast<int>(std::bit_width(token | 1)) - 1;
    width_ = static_cast<int16_t>(width_ + ((16 * bits - width_) >> 2));
  }
  void Reset() { width_ = kStart; }

 private:
  int16_t width_ = kStart;
};

// token < kTokenLimit.
inline void PutToken(uint64_t token, int parameter, BitWriter* out) {
  const uint64_t q = (token >> parameter) + 1;
  const int zeros = static_cast<int>(std::bit_width(q)) - 1;
  const uint64_t low = token & ((uint64_t{1} << parameter) - 1);
  const uint64_t rest = (q ^ (uint64_t{1} << zeros)) | low << zeros;
  if (2 * zeros + 1 + parameter <= 56) {
    out->Put(uint64_t{1} << zeros | rest << (zeros + 1), 2 * zeros + 1 + parameter);
  } else {
    out->Put(uint64_t{1} << zeros, zeros + 1);
    out->Put(rest, zeros + parameter);
  }
}

// False if what follows is not a token.
inline bool GetToken(int parameter, BitReader* in, uint64_t* token) {
  uint64_t bits = in->Peek();
  const int zeros = std::countr_zero(bits);
  if (zeros + parameter > 48) {
    return false;
  }
  if (2 * zeros + 1 + parameter <= 57) {
    bits >>= zeros + 1;
    in->Skip(2 * zeros + 1 + parameter);
  } else {
    in->Skip(zeros + 1);
    bits = in->Peek();
    in->Skip(zeros + parameter);
  }
  const uint64_t q = (bits & ((uint64_t{1} << zeros) - 1)) | uint64_t{1} << zeros;
  const uint64_t low = (bits >> zeros) & ((uint64_t{1} << parameter) - 1);
  *token = (q - 1) << parameter | low;
  return *token < kTokenLimit;
}

}  // namespace ronda::codec
