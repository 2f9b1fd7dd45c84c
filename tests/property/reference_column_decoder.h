// A second decoder of columns, written from common/codec/FORMAT.md alone: plain, slow, and without
// a line of the codec's. What the two disagree about is a bug of one, or of the document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ronda {

// The n values, as bits; none if the bytes are not a column of n doubles.
std::optional<std::vector<uint64_t>> ReferenceDecodeColumn(std::string_view bytes, size_t n);
// The same for a column of integers.
std::optional<std::vector<int64_t>> ReferenceDecodeIntColumn(std::string_view bytes, size_t n);

}  // namespace ronda
