// What labels and names may hold.
#pragma once

#include <string_view>

namespace ronda::promql {

// No overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(std::string_view text);
// Of a label, or of a metric: any text that is not empty.
inline bool IsName(std::string_view text) { return !text.empty() && IsUtf8(text); }

}  // namespace ronda::promql
