// Numbers as a symbol of a small alphabet and plain bits: how many binary digits a number has, and
// the first of them, make its symbol; the rest follows as it is. FORMAT.md, "Column: coded".
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace ronda::codec {

// An alphabet has at most so many symbols.
inline constexpr int kColumnSymbols = 256;
// Numbers of 0 to 64 binary digits.
inline constexpr int kColumnClasses = 65;
// How many digits after the leading one may belong to the symbol.
inline constexpr int kMaxDetail = 5;
// In place of a detail: no number has so many digits.
inline constexpr uint8_t kClassUnused = 7;

// Often met classes of numbers are told apart in more detail than rare ones.
struct ColumnAlphabet {
  std::array<uint8_t, kColumnClasses> detail;  // by class: below it and kMaxDetail, or unused
  std::array<uint16_t, kColumnClasses> first;  // by class: its first symbol
  int symbols = 0;

  // Sets `first` and `symbols` from `detail`; false if there are too many symbols, or none.
  bool Number() {
    symbols = 0;
    for (size_t c = 0; c < detail.size(); ++c) {
      first[c] = static_cast<uint16_t>(symbols);
      symbols += detail[c] == kClassUnused ? 0 : 1 << detail[c];
    }
    return symbols > 0 && symbols <= kColumnSymbols;
  }
};

struct ColumnToken {
  uint32_t symbol;
  int bits;  // of the rest
};

inline int ClassOf(uint64_t v) { return static_cast<int>(std::bit_width(v)); }

// A number that may be negative, as one that has a class: its digits with the sign behind the
// leading one, where it belongs to the symbol as they do. As the lowest digit it would cost a bit
// each time, which is 0.6 % of a busy host's columns. 1 is what is left for the least int64.
inline uint64_t FoldSign(int64_t r) {
  if (r == 0) {
    return 0;
  }
  const uint64_t magnitude = r < 0 ? 0 - static_cast<uint64_t>(r) : static_cast<uint64_t>(r);
  const uint64_t half = std::bit_floor(magnitude);
  return half > uint64_t{1} << 62 ? 1 : magnitude + (r < 0 ? 2 * half : half);
}

// How many digits of a class follow the symbol.
inline int RestBits(int cls, int detail) { return cls == 0 ? 0 : cls - 1 - detail; }

// The class of `v` must be used.
inline ColumnToken TokenOf(const ColumnAlphabet& alphabet, uint64_t v) {
  const int cls = ClassOf(v);
  const int detail = alphabet.detail[static_cast<size_t>(cls)];
  const int bits = RestBits(cls, detail);
  const auto top = static_cast<uint32_t>(v >> bits) & ((1U << detail) - 1);
  return {alphabet.first[static_cast<size_t>(cls)] + top, bits};
}

// Which context a number is coded in follows from the classes of the two before it, or if these are
// 0, from how many zeros there are in a row before it, up to kMostZeros: what comes every few
// seconds is known by that.
inline constexpr int kMostZeros = 16;
inline constexpr int kColumnScores = kMostZeros + 4 * 64 + 1;
inline int ContextScore(int last, int before, int zeros) {
  return (last | before) == 0 ? kMostZeros - zeros : kMostZeros + 3 * last + before;
}

}  // namespace ronda::codec
