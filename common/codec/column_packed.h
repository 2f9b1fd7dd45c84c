// Bit-packed integers: values, steps or steps of steps, less the least of them, all with one
// width. FORMAT.md, "Column: packed".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ronda::codec {

// Appends the encoding's byte and the packed values, of whichever order is the smallest.
void EncodePacked(std::span<const int64_t> values, std::string* out);
// `bytes` is what follows the encoding's byte.
bool DecodePacked(std::string_view bytes, size_t n, size_t first, std::span<int64_t> out);

}  // namespace ronda::codec
