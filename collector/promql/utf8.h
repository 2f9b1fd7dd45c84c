// What labels and names may hold.
#pragma once

#include <string_view>

namespace ronda::promql {

// No overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace ronda::promql
