// UTF-8 (RFC 3629), made and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ronda {

// Appends the bytes of a code point, which is not beyond U+10FFFF.
void AppendUtf8(uint32_t code, std::string* out);

// The length of the character that begins `text`, which is not empty; 0 if it is none: overlong
// forms, surrogates and what is beyond U+10FFFF are not.
size_t Utf8Length(std::string_view text);

// True if `text` is characters from end to end; "" is.
bool IsUtf8(std::string_view text);

}  // namespace ronda
