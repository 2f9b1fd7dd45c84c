// The version of all programs, from the root CMakeLists.txt.
#pragma once

#include <string_view>

namespace ronda {

std::string_view Version();  // "0.1.0"

}  // namespace ronda
