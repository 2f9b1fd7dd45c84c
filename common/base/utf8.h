// UTF-8, made.
#pragma once

#include <cstdint>
#include <string>

namespace ronda {

// Appends the bytes of a code point, which is not beyond U+10FFFF.
void AppendUtf8(uint32_t code, std::string* out);

}  // namespace ronda
