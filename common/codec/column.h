// One series' values over a chunk of time, packed for compacted history. Grammar: FORMAT.md,
// "Column".
//
// The number of values and a checksum are the caller's business: neither is in the bytes. Every
// 64-bit pattern comes back as it went in. All functions are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ronda::codec {

inline constexpr size_t kMaxColumnValues = 1 << 20;

// Appends the smallest encoding of `values`, at most kMaxColumnValues (checked), to *out. Equal
// values have equal bytes.
void EncodeColumn(std::span<const double> values, std::string* out);

// Decodes exactly out.size() values from the whole of `bytes`. kDataLoss: not a column of so many
// values; *out is then undefined. Damage that still is a column gives other values: checksum first.
absl::Status DecodeColumn(std::string_view bytes, std::span<double> out);

// The same for the values [first, first + out.size()) of a column of n. Decoding starts at the
// block that holds `first`: of 7,200 values where they are coded, of 1,200 where they are packed.
// kInvalidArgument if the range is not within n.
absl::Status DecodeColumnRange(std::string_view bytes, size_t n, size_t first,
                               std::span<double> out);

// The same for integers: times, counts.
void EncodeIntColumn(std::span<const int64_t> values, std::string* out);
absl::Status DecodeIntColumn(std::string_view bytes, std::span<int64_t> out);
absl::Status DecodeIntColumnRange(std::string_view bytes, size_t n, size_t first,
                                  std::span<int64_t> out);

}  // namespace ronda::codec
