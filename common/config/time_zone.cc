#include "common/config/time_zone.h"

#include <fmt/format.h>

#include "absl/time/time.h"

namespace ronda::config {

std::string CheckTimeZone(std::string_view name) {
  absl::TimeZone zone;
  return name.empty() || absl::LoadTimeZone(std::string(name), &zone)
             ? ""
             : fmt::format(
                   "\"{}\" is not a time zone that this machine knows (such as "
                   "Europe/Berlin or UTC)",
                   name);
}

}  // namespace ronda::config
