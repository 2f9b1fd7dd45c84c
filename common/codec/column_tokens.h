// Numbers as a symbol of a small alphabet and plain bits: the top bits of a number, and how many
// there are, make its symbol; the rest follows as it is. FORMAT.md, "Column: coded".
#pragma once

#include <bit>
#include <cstdint>

namespace ronda::codec {

// Symbols are below this.
inline constexpr int kColumnSymbols = 256;
// How many bits after the leading one may belong to the symbol.
inline constexpr int kMaxDetail = 5;

struct ColumnToken {
  uint32_t symbol;
  int bits;  // of the rest
};

inline ColumnToken TokenOf(uint64_t v, int detail) {
  if (v < uint64_t{1} << detail) {
    return {static_cast<uint32_t>(v), 0};
  }
  const int bits = 63 - std::countl_zero(v) - detail;
  return {static_cast<uint32_t>((static_cast<uint64_t>(bits) << detail) + (v >> bits)), bits};
}

// The least number of a symbol; the rest is added.
inline uint64_t TokenBase(uint32_t symbol, int detail) {
  const uint32_t octave = symbol >> detail;
  if (octave == 0) {
    return symbol;
  }
  const uint64_t top = (uint64_t{1} << detail) | (symbol & ((1U << detail) - 1));
  return top << (octave - 1);
}
inline int TokenBits(uint32_t symbol, int detail) {
  const auto octave = static_cast<int>(symbol >> detail);
  return octave == 0 ? 0 : octave - 1;
}
// False for symbols that no 64-bit number has.
inline bool IsToken(uint32_t symbol, int detail) {
  return TokenBits(symbol, detail) <= 63 - detail;
}
// The binary digits of a symbol's numbers.
inline int TokenClass(uint32_t symbol, int detail) {
  return static_cast<int>(std::bit_width(TokenBase(symbol, detail)));
}

// Which context a number is coded in follows from the classes of the two before it.
inline constexpr int kColumnScores = 4 * 64 + 1;
inline int ContextScore(int last, int before) { return 3 * last + before; }

}  // namespace ronda::codec
