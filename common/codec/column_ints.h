// A column of integers: which of the encodings, and the simple ones. FORMAT.md, "Column: integers".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ronda::codec {

enum class IntEncoding : uint8_t {
  kConstant = 0,
  kLinear = 1,
  kRuns = 2,
  kPacked = 3,
  kCodedBefore = 4,  // until November 2026; read, not written
  kCoded = 5,
};

// Restart points of packed columns are so many values apart, and those of kCodedBefore.
inline constexpr size_t kRestartValues = 1200;

void EncodeInts(std::span<const int64_t> values, std::string* out);

// Values [first, first + out.size()) of n. False if the bytes are not a column of n values; what
// lies outside the blocks that are read is not looked at.
bool DecodeInts(std::string_view bytes, size_t n, size_t first, std::span<int64_t> out);

// True, with the value, if the bytes are a constant column: what most are, and worth a shortcut.
bool DecodeConstant(std::string_view bytes, int64_t* value);

}  // namespace ronda::codec
