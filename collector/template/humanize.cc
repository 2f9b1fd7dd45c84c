#include "collector/template/humanize.h"

#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace ronda::tmpl {
namespace {

constexpr std::string_view kSmall[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

std::string FourDigits(double v) {
  if (std::isnan(v)) {
    return "NaN";
  }
  if (std::isinf(v)) {
    return v > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{:.4g}", v);
}

std::string Small(double v, std::string_view unit) {
  std::string_view prefix;
  for (const std::string_view next : kSmall) {
    if (std::fabs(v) >= 1) {
      break;
    }
    prefix = next;
    v *= 1000;
  }
  return fmt::format("{}{}{}", FourDigits(v), prefix, unit);
}

}  // namespace

std::string Humanize(double v) {
  static constexpr std::string_view kLarge[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  if (v == 0 || !std::isfinite(v)) {
    return FourDigits(v);
  }
  if (std::fabs(v) < 1) {
    return Small(v, "");
  }
  std::string_view prefix;
  for (const std::string_view next : kLarge) {
    if (std::fabs(v) < 1000) {
      break;
    }
    prefix = next;
    v /= 1000;
  }
  return fmt::format("{}{}", FourDigits(v), prefix);
}

std::string Humanize1024(double v) {
  static constexpr std::string_view kLarge[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
  std::string_view prefix;
  for (const std::string_view next : kLarge) {
    if (!std::isfinite(v) || std::fabs(v) < 1024) {
      break;
    }
    prefix = next;
    v /= 1024;
  }
  return fmt::format("{}{}", FourDigits(v), prefix);
}

std::string HumanizeDuration(double v) {
  if (!std::isfinite(v)) {
    return FourDigits(v);
  }
  if (v == 0) {
    return "0s";
  }
  if (std::fabs(v) < 1) {
    return Small(v, "s");
  }
  const std::string_view sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  if (v < 60) {
    return fmt::format("{}{}s", sign, FourDigits(v));
  }
  const auto all = static_cast<uint64_t>(std::fmin(v, 9e18));
  const uint64_t seconds = all % 60;
  const uint64_t minutes = all / 60 % 60;
  const uint64_t hours = all / 3600 % 24;
  const uint64_t days = all / 86400;
  if (days > 0) {
    return fmt::format("{}{}d {}h {}m {}s", sign, days, hours, minutes, seconds);
  }
  if (hours > 0) {
    return fmt::format("{}{}h {}m {}s", sign, hours, minutes, seconds);
  }
  return fmt::format("{}{}m {}s", sign, minutes, seconds);
}

std::string HumanizePercentage(double v) { return FourDigits(v * 100) + "%"; }

}  // namespace ronda::tmpl
