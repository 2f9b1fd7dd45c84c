// Time zones by their names.
#pragma once

#include <string>
#include <string_view>

namespace ronda::config {

// What is wrong with the IANA name of a time zone; "" if nothing is. The name "" is right too.
std::string CheckTimeZone(std::string_view name);

}  // namespace ronda::config
