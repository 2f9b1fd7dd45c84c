#include "collector/promql/eval/go_format.h"

#include <fmt/format.h>

#include <cmath>

#include "collector/promql/number_text.h"

namespace ronda::promql {
namespace {

// The significant digits of the shortest text that reads back.
int Digits(double value) {
  const std::string text = FormatPlainNumber(std::fabs(value));
  const size_t first = text.find_first_not_of("0.");
  const size_t last = text.find_last_not_of("0.");
  if (first == std::string::npos) {
    return 1;
  }
  const size_t point = text.find('.');
  const bool inside = point != std::string::npos && point > first && point < last;
  return static_cast<int>(last - first + 1 - (inside ? 1 : 0));
}

}  // namespace

std::string GoG(double value) {
  if (!std::isfinite(value)) {
    return FormatNumber(value);
  }
  const double size = std::fabs(value);
  return size != 0 && (size < 1e-4 || size >= 1e6)
             ? fmt::format("{:.{}e}", value, Digits(value) - 1)
             : FormatPlainNumber(value);
}

std::string GoG(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : FormatNumber(value);
}

std::string GoF(double value) {
  return std::isfinite(value) ? fmt::format("{:f}", value) : FormatNumber(value);
}

std::string GoPlain(double value) { return FormatPlainNumber(value); }

std::string GoQuote(std::string_view text) { return QuoteLabelValue(text); }

std::string GoLabels(const Labels& labels) {
  std::string text = "{";
  for (const Label& label : labels.all()) {
    text += text.size() == 1 ? "" : ", ";
    text += IsLabelName(label.name) ? label.name : GoQuote(label.name);
    text += '=';
    text += GoQuote(label.value);
  }
  return text + "}";
}

}  // namespace ronda::promql
