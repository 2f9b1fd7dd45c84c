// Entropy-coded integers: residuals of a simple prediction through a static range coder (rANS),
// whose frequencies were counted beforehand. FORMAT.md, "Column: coded".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/codec/column_ints.h"

namespace ronda::codec {

// The head of a coded column, beside its model. A residual is of the value less `origin`, by
// `stride` (order 0), of the step (1) or of the step of steps (2).
struct CodedHead {
  int order = 0;
  bool is_signed = false;  // else the residual less `least`
  int64_t origin = 0;
  uint64_t stride = 1;
  int64_t least = 0;
};

inline constexpr uint8_t kCodedSigned = 4;
inline constexpr uint8_t kCodedOrderMask = 3;

// Coder states are at least this and below it times 65536.
inline constexpr uint32_t kCoderLow = 1 << 16;

// Restart points are so many values apart: two hours at a second. Blocks of 1,200 would take 0.4 %
// more; of 3,600, 0.1 %.
inline constexpr size_t kCodedBlockValues = 7200;

// Appends the encoding's byte and the coded values. Two values or more, not all equal.
void EncodeCoded(std::span<const int64_t> values, std::string* out);
// `bytes` is what follows the encoding's byte, kCoded or kCodedBefore.
bool DecodeCoded(IntEncoding encoding, std::string_view bytes, size_t n, size_t first,
                 std::span<int64_t> out);

}  // namespace ronda::codec
