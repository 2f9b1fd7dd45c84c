#include "collector/promql/number_text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include <fmt/format.h>

namespace ronda::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Takes out the underscores; false if one does not stand between two digits.
bool WithoutUnderscores(std::string_view text, bool hex, std::string* out) {
  const auto digit = [hex](char c) { return hex ? IsHex(c) : IsDigit(c); };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      *out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1])) {
      return false;
    }
  }
  return true;
}

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr Unit kUnits[] = {
    {"y", 365LL * 24 * 3600 * 1000},
    {"w", 7LL * 24 * 3600 * 1000},
    {"d", 24LL * 3600 * 1000},
    {"h", 3600LL * 1000},
    {"m", 60LL * 1000},
    {"s", 1000},
    {"ms", 1},
};
constexpr int64_t kMaxDurationMs = std::numeric_limits<int64_t>::max() / 1'000'000;

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  std::string digits;
  if (text.empty() || !WithoutUnderscores(hex ? text.substr(2) : text, hex, &digits)) {
    return std::nullopt;
  }
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  if (hex || (digits.size() > 1 && digits.find_first_not_of("01234567") == std::string::npos &&
              digits[0] == '0')) {
    uint64_t value = 0;
    const auto [p, error] = std::from_chars(begin, end, value, hex ? 16 : 8);
    if (error != std::errc() || p != end) {
      return std::nullopt;
    }
    return static_cast<double>(value);
  }
  if (!IsDigit(digits[0]) && digits[0] != '.') {
    return std::nullopt;
  }
  double value = 0;
  const auto [p, error] = std::from_chars(begin, end, value);
  if (p != end || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) {
    // Too large or too small: strtod tells which.
    value = std::strtod(digits.c_str(), nullptr);
  }
  return value;
}

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  if (text == "0") {
    return 0;
  }
  int64_t total = 0;
  size_t next_unit = 0;
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    int64_t count = 0;
    const auto [p, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || !IsDigit(text[0])) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(p - text.data()));
    size_t length = 0;
    while (length < text.size() && !IsDigit(text[length])) ++length;
    size_t unit = next_unit;
    while (unit < std::size(kUnits) && kUnits[unit].name != text.substr(0, length)) ++unit;
    if (unit == std::size(kUnits) || count > (kMaxDurationMs - total) / kUnits[unit].ms) {
      return std::nullopt;
    }
    total += count * kUnits[unit].ms;
    next_unit = unit + 1;
    text.remove_prefix(length);
  }
  return total;
}

std::string FormatNumber(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{}", value);
}

std::string FormatPlainNumber(double value) {
  if (!std::isfinite(value)) {
    return FormatNumber(value);
  }
  std::string text = fmt::format("{}", value);
  const size_t e = text.find('e');
  if (e == std::string::npos) {
    return text;
  }
  const int exponent = std::atoi(text.c_str() + e + 1);
  const bool negative = text[0] == '-';
  std::string digits;
  int point = 0;  // digits before the point
  bool after_point = false;
  for (size_t i = negative ? 1 : 0; i < e; ++i) {
    if (text[i] == '.') {
      after_point = true;
    } else {
      digits += text[i];
      point += after_point ? 0 : 1;
    }
  }
  point += exponent;
  std::string plain = negative ? "-" : "";
  if (point <= 0) {
    return plain + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  }
  const auto before = static_cast<size_t>(point);
  if (digits.size() <= before) {
    return plain + digits + std::string(before - digits.size(), '0');
  }
  return plain + digits.substr(0, before) + "." + digits.substr(before);
}

std::string FormatDurationMs(int64_t ms) {
  if (ms == 0) {
    return "0s";
  }
  std::string out = ms < 0 ? "-" : "";
  uint64_t left = ms < 0 ? ~static_cast<uint64_t>(ms) + 1 : static_cast<uint64_t>(ms);
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<uint64_t>(unit.ms);
    if (left >= size) {
      out += fmt::format("{}{}", left / size, unit.name);
      left %= size;
    }
  }
  return out;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace ronda::promql
