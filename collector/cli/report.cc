#include "collector/cli/report.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/utf8.h"

namespace ronda::cli {
namespace {

// Labels come from machines that may be hostile: no control character reaches the terminal.
std::string Printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    const auto c = static_cast<uint8_t>(text[i]);
    // C1 controls are two bytes, 0xc2 0x80 to 0xc2 0x9f.
    const bool control = c < 0x20 || c == 0x7f ||
                         (length == 2 && c == 0xc2 && static_cast<uint8_t>(text[i + 1]) < 0xa0);
    if (length == 0 || control) {
      out += c == '\n' || c == '\t' ? ' ' : '?';
    } else {
      out += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  return out;
}

}  // namespace

std::string Paint(std::string_view text, Colour colour, bool enabled) {
  const char* code = nullptr;
  switch (colour) {
    case Colour::kNone:
      break;
    case Colour::kGood:
      code = "32";
      break;
    case Colour::kWarn:
      code = "33";
      break;
    case Colour::kBad:
      code = "31";
      break;
    case Colour::kFaint:
      code = "2";
      break;
  }
  return enabled && code != nullptr ? fmt::format("\x1b[{}m{}\x1b[0m", code, text)
                                    : std::string(text);
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') {
      out += '"';
    }
    out += c;
  }
  return out + '"';
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    const char c = text[i];
    if (length == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  return out + '"';
}

size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

Cell Cell::Text(std::string_view value, Colour colour) {
  return {Printable(value), std::string(value), false, colour};
}

Cell Cell::Number(int64_t value, std::string_view human) {
  return {std::string(human), fmt::format("{}", value), true, Colour::kNone};
}

Cell Cell::Both(std::string_view human, std::string_view raw, Colour colour) {
  return {Printable(human), std::string(raw), false, colour};
}

Cell Cell::None() { return {"-", "", true, Colour::kFaint}; }

std::string Report::ToTable(bool colour) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = DisplayWidth(columns_[i].title);
    for (const std::vector<Cell>& row : rows_) {
      width = std::max(width, DisplayWidth(row[i].text));
    }
    widths.push_back(width);
  }
  std::string out;
  auto put = [&](size_t i, std::string_view text, Colour paint) {
    const std::string blanks(widths[i] - DisplayWidth(text), ' ');
    out += columns_[i].right ? blanks : "";
    out += Paint(text, paint, colour);
    const bool last = i + 1 == columns_.size();
    out += last ? "\n" : (columns_[i].right ? "" : blanks) + "  ";
  };
  for (size_t i = 0; i < columns_.size(); ++i) {
    put(i, columns_[i].title, Colour::kFaint);
  }
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      put(i, row[i].text, row[i].colour);
    }
  }
  return out;
}

std::string Report::ToCsv() const {
  std::string out;
  for (size_t i = 0; i < columns_.size(); ++i) {
    out += i > 0 ? "," : "";
    out += CsvField(columns_[i].key);
  }
  out += "\n";
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      out += i > 0 ? "," : "";
      out += CsvField(row[i].raw);
    }
    out += "\n";
  }
  return out;
}

std::string Report::ToJson() const {
  std::string out = "[";
  for (size_t r = 0; r < rows_.size(); ++r) {
    out += r > 0 ? ",\n {" : "\n {";
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Cell& cell = rows_[r][i];
      out += fmt::format("{}{}:", i > 0 ? "," : "", JsonString(columns_[i].key));
      if (cell.json_raw) {
        out += cell.raw.empty() ? "null" : cell.raw;
      } else {
        out += JsonString(cell.raw);
      }
    }
    out += "}";
  }
  return out + (rows_.empty() ? "]\n" : "\n]\n");
}

}  // namespace ronda::cli
