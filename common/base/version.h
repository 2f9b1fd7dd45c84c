#pragma once

#include <string_view>

namespace ronda {

// The release that this program is of, "0.1.0".
inline constexpr std::string_view kVersion = RONDA_VERSION;

}  // namespace ronda
