// Bytes as one zstd frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ronda::store {

// A frame that knows its length; "" if that would not be shorter than `plain`.
std::string CompressBytes(std::string_view plain, int level);

// The plain bytes of a frame that has exactly `size` of them. Takes no more memory than `most`,
// whatever the frame says. kDataLoss: damaged, or larger; the message begins with `what`.
absl::StatusOr<std::string> DecompressBytes(std::string_view frame, uint64_t size, size_t most,
                                            std::string_view what);

}  // namespace ronda::store
