// The order of texts that hold numbers, as people expect it: "cpu2" before "cpu10".
#pragma once

#include <string_view>

namespace ronda::promql {

// Runs of digits compare as numbers, the rest byte by byte; "" is first.
bool NaturalBefore(std::string_view a, std::string_view b);

}  // namespace ronda::promql
