#include "collector/rules/rule_place.h"

#include <charconv>
#include <vector>

namespace ronda::rules {
namespace {

std::string_view LineOf(std::string_view content, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t end = content.find('\n');
    if (end == content.npos) {
      return "";
    }
    content.remove_prefix(end + 1);
  }
  return content.substr(0, content.find('\n'));
}

// The byte at which the column (of characters, from 1) begins.
size_t ByteOf(std::string_view line, int column) {
  size_t at = 0;
  for (int i = 1; i < column && at < line.size(); ++i) {
    for (++at; at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80; ++at) {
    }
  }
  return at;
}

bool TakeNumber(std::string_view* text, int* out) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  if (error != std::errc() || end == text->data() + text->size() || *end != ':') {
    return false;
  }
  text->remove_prefix(static_cast<size_t>(end - text->data()) + 1);
  return true;
}

}  // namespace

InExpression SplitMessage(std::string_view message) {
  InExpression out;
  std::string_view rest = message;
  if (!TakeNumber(&rest, &out.position.line) || !TakeNumber(&rest, &out.position.column)) {
    return {{0, 0}, message};
  }
  out.what = rest.starts_with(" ") ? rest.substr(1) : rest;
  return out;
}

std::optional<config::Position> PlaceOf(std::string_view content, config::Position begin,
                                        promql::Position in_expression) {
  if (in_expression.line < 1) {
    return std::nullopt;
  }
  std::string_view line = LineOf(content, begin.line);
  const size_t at = ByteOf(line, begin.column);
  const char first = at < line.size() ? line[at] : '\0';
  if (first == '|') {
    // The first line that is not blank gives the indentation of all.
    for (int number = begin.line + 1; number < begin.line + 100; ++number) {
      line = LineOf(content, number);
      const size_t indent = line.find_first_not_of(' ');
      if (indent != line.npos) {
        return config::Position{begin.line + in_expression.line,
                                static_cast<int>(indent) + in_expression.column};
      }
    }
    return std::nullopt;
  }
  const bool quoted = first == '"' || first == '\'';
  if (first == '>' || in_expression.line > 1 || (quoted && line.find(first, at + 1) == line.npos)) {
    return std::nullopt;
  }
  return config::Position{begin.line, begin.column + (quoted ? 1 : 0) + in_expression.column - 1};
}

}  // namespace ronda::rules
