// What a regular expression matched, put into a text.
#pragma once

#include <re2/re2.h>

#include <span>
#include <string>
#include <string_view>

namespace ronda {

// As Go's regexp.Expand: $1, ${1}, $name and ${name} in `form` become what the group matched ("" if
// there is none); $$ is $. `groups` are those of one match by `regex`, the whole match first.
std::string ExpandGroups(std::string_view form, const re2::RE2& regex,
                         std::span<const re2::StringPiece> groups);

}  // namespace ronda
