// Cutting up the kernel's text files, without allocation.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace ronda::agent {

// Takes the first line off *text, without its newline.
std::string_view TakeLine(std::string_view* text);

// Takes the first field off *line: skips blanks and tabs, then goes up to the next; "" at the end.
std::string_view TakeField(std::string_view* line);

// `text` without blanks, tabs and newlines at both ends.
std::string_view Trim(std::string_view text);

// The whole of `text` must be one number in the type's range.
bool ParseUint(std::string_view text, uint64_t* value);
bool ParseInt(std::string_view text, int64_t* value);
bool ParseHex(std::string_view text, uint64_t* value);    // without 0x
bool ParseDecimal(std::string_view text, double* value);  // finite

// kDataLoss, "reading /proc/stat: field cpu0 user is not a number: 'x'"; `text` is cut.
absl::Status BadField(std::string_view path, std::string_view field, std::string_view text);

// Rounded to two decimals, so that it is a short decimal on the wire.
inline double Round2(double x) { return std::round(x * 100) / 100.0; }

}  // namespace ronda::agent
