// What a schema may hold (FORMAT.md, "Schema"): whoever makes series of what comes from outside
// refuses the rest before, with words of its own.
#pragma once

#include <cstddef>

namespace ronda::codec {

inline constexpr size_t kMaxNameBytes = 128;   // of a metric or label
inline constexpr size_t kMaxTextBytes = 1024;  // of a label's value, a unit, a help
inline constexpr size_t kMaxLabels = 32;       // of a series

}  // namespace ronda::codec
