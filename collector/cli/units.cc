#include "collector/cli/units.h"

#include <cmath>

#include <fmt/format.h>

#include "collector/promql/number_text.h"

namespace ronda::cli {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Three significant digits without an exponent, for values from 0 to 9999.
std::string Short(double value) {
  const double size = std::fabs(value);
  if (size >= 100 || value == std::floor(value)) {
    return fmt::format("{:.0f}", value);
  }
  return size >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string LongSeconds(double seconds) {
  const auto total = static_cast<int64_t>(std::llround(seconds));
  const int64_t days = total / 86'400;
  const int64_t hours = total / 3600 % 24;
  const int64_t minutes = total / 60 % 60;
  if (days >= 10) {
    return fmt::format("{}d", days);
  }
  if (days > 0) {
    return fmt::format("{}d {}h", days, hours);
  }
  if (hours > 0) {
    return fmt::format("{}h {:02}m", hours, minutes);
  }
  return fmt::format("{}m {:02}s", minutes, total % 60);
}

}  // namespace

std::string HumanBytes(double bytes) {
  if (!std::isfinite(bytes)) {
    return promql::FormatNumber(bytes);
  }
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  // 1023.5 of a unit would be written as 1024.
  while (std::fabs(bytes) >= 1023.5 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", Short(bytes), kUnits[unit]);
}

std::string HumanSeconds(double seconds) {
  const double size = std::fabs(seconds);
  if (!std::isfinite(seconds) || size >= 1e12) {
    return promql::FormatNumber(seconds) + " s";
  }
  if (size >= 119.5) {
    return (seconds < 0 ? "-" : "") + LongSeconds(size);
  }
  if (size >= 0.9995 || size == 0) {
    return Short(seconds) + " s";
  }
  return size >= 0.0009995 ? Short(seconds * 1e3) + " ms" : Short(seconds * 1e6) + " us";
}

std::string HumanDuration(int64_t ms) { return HumanSeconds(static_cast<double>(ms) / 1000); }

std::string HumanCount(int64_t count) {
  std::string digits = fmt::format("{}", count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string HumanNumber(double value) {
  if (std::isfinite(value) && value == std::floor(value) && std::fabs(value) < 1e15) {
    return fmt::format("{:.0f}", value == 0 ? 0.0 : value);
  }
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : promql::FormatNumber(value);
}

std::string HumanValue(double value, const MetricInfo& metric) {
  if (metric.unit == "bytes") {
    return HumanBytes(value);
  }
  if (metric.unit == "bytes/s") {
    return HumanBytes(value) + "/s";
  }
  const bool moment =
      EndsWith(metric.name, "_time_seconds") || EndsWith(metric.name, "_timestamp_seconds");
  if (metric.unit == "seconds" && !(moment && value > 1e8)) {
    return HumanSeconds(value);
  }
  if (metric.unit == "percent") {
    return std::isfinite(value) ? fmt::format("{:.1f} %", value) : promql::FormatNumber(value);
  }
  return HumanNumber(value);
}

}  // namespace ronda::cli
