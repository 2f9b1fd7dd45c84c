// One column of a block as bytes. Grammar: FORMAT.md, "Chunk".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ronda::store {

// Appends the values, in the smallest of the encodings, and a checksum. Every float64 survives to
// the bit; the staleness marker is a value like any other.
void AppendChunk(std::span<const double> values, std::string* out);

// The `n` values of a chunk. kDataLoss if the checksum is wrong or there are not n of them.
// kUnimplemented: an encoding of a later version.
absl::StatusOr<std::vector<double>> DecodeChunk(std::string_view chunk, size_t n);

}  // namespace ronda::store
