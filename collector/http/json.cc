// Tested by tests/unit/collector/http/json_test.cc.
#include "collector/http/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "absl/time/time.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"

namespace ronda::http {
namespace {

bool IsPlain(char c) {
  return static_cast<uint8_t>(c) >= 0x20 && static_cast<uint8_t>(c) < 0x80 && c != '"' && c != '\\';
}

void AppendEscaped(char c, std::string* out) {
  switch (c) {
    case '"':
      *out += "\\\"";
      break;
    case '\\':
      *out += "\\\\";
      break;
    case '\n':
      *out += "\\n";
      break;
    case '\r':
      *out += "\\r";
      break;
    case '\t':
      *out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<uint8_t>(c));
  }
}

// Puts the point where `exponent` (of the first digit) says, and zeros where digits are missing.
void AppendPositional(std::string_view digits, int exponent, std::string* out) {
  if (exponent < 0) {
    *out += "0.";
    out->append(static_cast<size_t>(-exponent - 1), '0');
    *out += digits;
    return;
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    *out += digits;
    out->append(whole - digits.size(), '0');
    return;
  }
  *out += digits.substr(0, whole);
  *out += '.';
  *out += digits.substr(whole);
}

}  // namespace

void AppendText(std::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const auto end = std::find_if_not(text.begin(), text.end(), IsPlain);
    const auto plain = static_cast<size_t>(end - text.begin());
    out->append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    size_t taken = 1;
    if (static_cast<uint8_t>(text[0]) < 0x80) {
      AppendEscaped(text[0], out);
    } else if (const size_t length = Utf8Length(text); length > 0) {
      taken = length;
      out->append(text.substr(0, length));
    } else {
      *out += "\xef\xbf\xbd";
    }
    text.remove_prefix(taken);
  }
  out->push_back('"');
}

void AppendNumber(double value, bool exponents, std::string* out) {
  char text[32];
  const double size = std::fabs(value);
  if (size < 1e15 && value == std::trunc(value) && (value != 0 || !std::signbit(value))) {
    const auto end = std::to_chars(text, text + sizeof(text), static_cast<int64_t>(value)).ptr;
    out->append(text, end);
    return;
  }
  if (!std::isfinite(value)) {
    *out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  // D.DDDDe+EE, with the shortest digits.
  const auto end =
      std::to_chars(text, text + sizeof(text), size, std::chars_format::scientific).ptr;
  if (std::signbit(value)) {
    out->push_back('-');
  }
  if (exponents && size != 0 && (size < 1e-6 || size >= 1e21)) {
    out->append(text, end);
    return;
  }
  char* const mark = std::find(text, end, 'e');
  int exponent = 0;
  std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, end, exponent);
  if (mark > text + 1) {
    std::memmove(text + 1, text + 2, static_cast<size_t>(mark - text) - 2);
  }
  const size_t digits = mark > text + 1 ? static_cast<size_t>(mark - text) - 1 : 1;
  AppendPositional({text, digits}, exponent, out);
}

void AppendTime(int64_t t_ms, std::string* out) {
  char text[24];
  if (t_ms < 0) {
    out->push_back('-');
    t_ms = -t_ms;
  }
  out->append(text, std::to_chars(text, text + sizeof(text), t_ms / 1000).ptr);
  if (const int64_t rest = t_ms % 1000; rest != 0) {
    const char digits[] = {'.', static_cast<char>('0' + rest / 100),
                           static_cast<char>('0' + rest / 10 % 10),
                           static_cast<char>('0' + rest % 10)};
    out->append(digits, sizeof(digits));
  }
}

void AppendPoint(int64_t t_ms, double value, bool exponents, std::string* out) {
  out->push_back('[');
  AppendTime(t_ms, out);
  *out += ",\"";
  AppendNumber(value, exponents, out);
  *out += "\"]";
}

void AppendLabels(const Labels& labels, std::string* out) {
  out->push_back('{');
  bool first = true;
  for (const Label& label : labels.all()) {
    if (!first) {
      out->push_back(',');
    }
    first = false;
    AppendText(label.name, out);
    out->push_back(':');
    AppendText(label.value, out);
  }
  out->push_back('}');
}

void AppendTexts(std::span<const std::string> texts, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) {
      out->push_back(',');
    }
    AppendText(texts[i], out);
  }
  out->push_back(']');
}

std::string TimeText(int64_t t_ms) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", absl::FromUnixMillis(t_ms),
                          absl::UTCTimeZone());
}

}  // namespace ronda::http
