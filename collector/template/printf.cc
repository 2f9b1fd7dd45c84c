#include "collector/template/printf.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "common/base/utf8.h"

namespace ronda::tmpl {
namespace {

constexpr int kMostWidth = 10'000;

struct Verb {
  char letter = 0;
  bool plus = false;
  bool minus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  std::optional<int> width;
  std::optional<int> precision;
};

std::string Pad(std::string text, const Verb& verb, bool is_number) {
  const auto runes = static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
  const int missing = verb.width.value_or(0) - runes;
  if (missing <= 0) {
    return text;
  }
  const auto blanks = static_cast<size_t>(missing);
  if (verb.minus) {
    return text.append(blanks, ' ');
  }
  if (!verb.zero || !is_number) {
    return text.insert(0, blanks, ' ');
  }
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.insert(sign ? 1 : 0, blanks, '0');
}

std::string Signed(std::string text, const Verb& verb) {
  if (!text.starts_with('-') && !text.starts_with('+')) {
    text.insert(0, verb.plus ? "+" : verb.space ? " " : "");
  }
  return text;
}

std::optional<std::string> FormatFloat(double v, const Verb& verb) {
  if (!std::isfinite(v)) {
    Verb plain = verb;
    plain.zero = false;
    std::string text = PrintNumber(v);
    if (std::isinf(v) && v > 0 && !verb.plus && verb.letter != 'v') {
      text = "+Inf";
    }
    return Pad(std::move(text), plain, false);
  }
  std::string text;
  const int precision = verb.precision.value_or(6);
  switch (verb.letter) {
    case 'v':
      text = verb.precision ? fmt::format("{:.{}g}", v, *verb.precision) : PrintNumber(v);
      break;
    case 'g':
      text = verb.precision ? fmt::format("{:.{}g}", v, *verb.precision) : PrintNumber(v);
      break;
    case 'G':
      text = verb.precision ? fmt::format("{:.{}G}", v, *verb.precision) : fmt::format("{:G}", v);
      break;
    case 'f':
    case 'F':
      text = fmt::format("{:.{}f}", v, precision);
      break;
    case 'e':
      text = fmt::format("{:.{}e}", v, precision);
      break;
    case 'E':
      text = fmt::format("{:.{}E}", v, precision);
      break;
    default:
      return std::nullopt;
  }
  return Pad(Signed(std::move(text), verb), verb, true);
}

std::string Utf8(int64_t rune) {
  std::string out;
  AppendUtf8(rune < 0 || rune > 0x10ffff ? 0xfffd : static_cast<uint32_t>(rune), &out);
  return out;
}

std::optional<std::string> FormatInt(int64_t v, const Verb& verb) {
  const uint64_t size = v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  std::string digits;
  switch (verb.letter) {
    case 'v':
    case 'd':
      digits = fmt::format("{}", size);
      break;
    case 'x':
      digits = verb.sharp ? fmt::format("{:#x}", size) : fmt::format("{:x}", size);
      break;
    case 'X':
      digits = verb.sharp ? fmt::format("{:#X}", size) : fmt::format("{:X}", size);
      break;
    case 'o':
      digits = verb.sharp ? fmt::format("{:#o}", size) : fmt::format("{:o}", size);
      break;
    case 'b':
      digits = fmt::format("{:b}", size);
      break;
    case 'c':
      return Pad(Utf8(v), verb, false);
    case 'q':
      return Pad("'" + Utf8(v) + "'", verb, false);
    case 'U':
      return Pad(fmt::format("U+{:04X}", size), verb, false);
    default:
      return std::nullopt;
  }
  if (verb.precision && static_cast<int>(digits.size()) < *verb.precision) {
    digits.insert(0, static_cast<size_t>(*verb.precision) - digits.size(), '0');
  }
  return Pad(Signed((v < 0 ? "-" : "") + digits, verb), verb, !verb.precision);
}

std::optional<std::string> FormatText(std::string text, const Verb& verb) {
  if (verb.precision && (verb.letter == 's' || verb.letter == 'v' || verb.letter == 'q')) {
    size_t end = 0;
    for (int runes = 0; end < text.size() && runes < *verb.precision; ++runes) {
      do {
        ++end;
      } while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
    }
    text.resize(end);
  }
  switch (verb.letter) {
    case 's':
    case 'v':
      return Pad(verb.letter == 'v' && verb.sharp ? Quote(text) : std::move(text), verb, false);
    case 'q':
      return Pad(Quote(text), verb, false);
    case 'x':
    case 'X': {
      std::string hex;
      for (const char c : text) {
        hex += verb.letter == 'x' ? fmt::format("{:02x}", static_cast<unsigned char>(c))
                                  : fmt::format("{:02X}", static_cast<unsigned char>(c));
      }
      return Pad(std::move(hex), verb, false);
    }
    default:
      return std::nullopt;
  }
}

std::string Format(const Value& value, const Verb& verb) {
  std::optional<std::string> text;
  if (const double* v = value.As<double>()) {
    text = FormatFloat(*v, verb);
  } else if (const int64_t* i = value.As<int64_t>()) {
    text = FormatInt(*i, verb);
  } else if (const std::string* s = value.As<std::string>()) {
    text = FormatText(*s, verb);
  } else if (const bool* b = value.As<bool>()) {
    if (verb.letter == 't' || verb.letter == 'v') {
      text = Pad(*b ? "true" : "false", verb, false);
    }
  } else if (verb.letter == 'v' || verb.letter == 's') {
    text = Pad(value.IsNil() ? "<nil>" : value.Print(), verb, false);
  }
  if (text) {
    return *std::move(text);
  }
  return fmt::format("%!{}({}={})", verb.letter, value.TypeName(), value.Print());
}

class Printer {
 public:
  Printer(std::string_view format, Arguments arguments) : format_(format), arguments_(arguments) {}

  std::string Run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) {
        ++at_;
        One();
      }
    }
    if (next_ < arguments_.size()) {
      out_ += "%!(EXTRA ";
      for (size_t i = next_; i < arguments_.size(); ++i) {
        out_ += fmt::format("{}{}={}", i == next_ ? "" : ", ", arguments_[i].TypeName(),
                            arguments_[i].Print());
      }
      out_ += ")";
    }
    return std::move(out_);
  }

 private:
  void One() {
    Verb verb;
    for (; at_ < format_.size(); ++at_) {
      const char c = format_[at_];
      verb.plus |= c == '+';
      verb.minus |= c == '-';
      verb.sharp |= c == '#';
      verb.space |= c == ' ';
      verb.zero |= c == '0';
      if (std::string_view("+-# 0").find(c) == std::string_view::npos) {
        break;
      }
    }
    verb.width = Number();
    if (verb.width && *verb.width < 0) {
      verb.minus = true;
      verb.width = -*verb.width;
    }
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      verb.precision = std::max(Number().value_or(0), 0);
    }
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    verb.letter = format_[at_++];
    if (verb.letter == '%') {
      out_ += '%';
    } else if (next_ >= arguments_.size()) {
      out_ += fmt::format("%!{}(MISSING)", verb.letter);
    } else {
      out_ += Format(arguments_[next_++], verb);
    }
  }

  std::optional<int> Number() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      const int64_t* v = next_ < arguments_.size() ? arguments_[next_].As<int64_t>() : nullptr;
      next_ += next_ < arguments_.size() ? 1 : 0;
      if (v == nullptr || *v > kMostWidth || *v < -kMostWidth) {
        out_ += "%!(BADWIDTH)";
        return std::nullopt;
      }
      return static_cast<int>(*v);
    }
    std::optional<int> number;
    for (; at_ < format_.size() && std::isdigit(static_cast<unsigned char>(format_[at_])); ++at_) {
      number = std::min(number.value_or(0) * 10 + (format_[at_] - '0'), kMostWidth);
    }
    return number;
  }

  const std::string_view format_;
  const Arguments arguments_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::string out_;
};

}  // namespace

std::string Printf(std::string_view format, Arguments arguments) {
  return Printer(format, arguments).Run();
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

}  // namespace ronda::tmpl
