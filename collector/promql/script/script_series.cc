#include "collector/promql/script/script_series.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "collector/promql/lexer.h"
#include "collector/promql/number_text.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::promql {
namespace {

constexpr size_t kMaxPoints = 1'000'000;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

void SkipBlanks(std::string_view* text) {
  while (!text->empty() && IsBlank(text->front())) text->remove_prefix(1);
}

std::string_view TakeWord(std::string_view* text) {
  size_t length = 0;
  while (length < text->size() && !IsBlank((*text)[length])) ++length;
  const std::string_view word = text->substr(0, length);
  text->remove_prefix(length);
  return word;
}

// The end of "name{...}": after the closing brace that stands in no string, or the first blank.
size_t EndOfLabels(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && text[i] != '{' && text[i] != '@' && !IsBlank(text[i])) ++i;
  // A blank may stand between the name and its labels.
  size_t brace = i;
  while (brace < text.size() && IsBlank(text[brace])) ++brace;
  if (brace == text.size() || text[brace] != '{' || text.substr(brace).starts_with("{{")) {
    return i;
  }
  char quote = '\0';
  for (i = brace; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == '\\' && quote != '`') {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '}') {
      return i + 1;
    }
  }
  return text.size();
}

absl::Status BadSeries(std::string_view text) {
  return Fail(absl::StatusCode::kInvalidArgument, "bad series \"{}\"", text);
}

// Takes a number as points have it: no hexadecimal, for 0x5 is 0 six times.
std::optional<double> TakeNumber(std::string_view* text) {
  std::string_view rest = *text;
  double sign = 1;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    sign = rest[0] == '-' ? -1 : 1;
    rest.remove_prefix(1);
  }
  double value = 0;
  if (rest.size() >= 3 && EqualsIgnoreCase(rest.substr(0, 3), "inf")) {
    value = std::numeric_limits<double>::infinity();
    rest.remove_prefix(3);
  } else if (rest.size() >= 3 && EqualsIgnoreCase(rest.substr(0, 3), "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
    rest.remove_prefix(3);
  } else {
    if (rest.empty() || rest[0] == '+' || rest[0] == '-') {
      return std::nullopt;
    }
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) {
      return std::nullopt;
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  *text = rest;
  return sign * value;
}

std::optional<size_t> ParseCount(std::string_view text) {
  size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count > kMaxPoints) {
    return std::nullopt;
  }
  return count;
}

// One word of points: 1+2x3, _x4, stale.
bool AddPoints(std::string_view word, std::vector<std::optional<double>>* points) {
  if (word == "stale") {
    points->push_back(StaleMarker());
    return true;
  }
  if (word[0] == '_') {
    const auto gaps = word == "_"              ? std::optional<size_t>(1)
                      : word.starts_with("_x") ? ParseCount(word.substr(2))
                                               : std::nullopt;
    if (!gaps.has_value()) {
      return false;
    }
    points->resize(points->size() + *gaps);
    return true;
  }
  const std::optional<double> first = TakeNumber(&word);
  if (!first.has_value()) {
    return false;
  }
  double delta = 0;
  if (!word.empty() && word[0] != 'x') {
    const std::optional<double> step = TakeNumber(&word);
    if (!step.has_value() || word.empty()) {
      return false;
    }
    delta = *step;
  }
  if (word.empty()) {
    points->push_back(*first);
    return true;
  }
  const auto times = word[0] == 'x' ? ParseCount(word.substr(1)) : std::nullopt;
  if (!times.has_value()) {
    return false;
  }
  double value = *first;
  for (size_t i = 0; i <= *times; ++i, value += delta) {
    points->push_back(value);
  }
  return true;
}

}  // namespace

absl::StatusOr<Labels> TakeScriptLabels(std::string_view* text) {
  const size_t end = EndOfLabels(*text);
  const std::string_view series = text->substr(0, end);
  text->remove_prefix(end);
  const absl::StatusOr<std::vector<Token>> lexed = Lex(series);
  if (!lexed.ok()) {
    return BadSeries(series);
  }
  const std::vector<Token>& tokens = *lexed;
  std::vector<Label> labels;
  size_t i = 0;
  if (tokens[i].kind == TokenKind::kIdentifier) {
    labels.push_back({std::string(kMetricName), tokens[i++].text});
  }
  if (tokens[i].kind == TokenKind::kLeftBrace) {
    for (++i; tokens[i].kind != TokenKind::kRightBrace;) {
      const Token& name = tokens[i++];
      if (name.kind == TokenKind::kString &&
          (tokens[i].kind == TokenKind::kComma || tokens[i].kind == TokenKind::kRightBrace)) {
        labels.push_back({std::string(kMetricName), name.text});
      } else if ((name.kind == TokenKind::kIdentifier || name.kind == TokenKind::kString) &&
                 tokens[i].kind == TokenKind::kAssign && tokens[i + 1].kind == TokenKind::kString) {
        labels.push_back({name.text, tokens[i + 1].text});
        i += 2;
      } else {
        return BadSeries(series);
      }
      if (tokens[i].kind == TokenKind::kComma) {
        ++i;
      } else if (tokens[i].kind != TokenKind::kRightBrace) {
        return BadSeries(series);
      }
    }
    ++i;
  }
  if (tokens[i].kind != TokenKind::kEnd || series.empty()) {
    return BadSeries(series);
  }
  return Labels(std::move(labels));
}

absl::StatusOr<ScriptSeries> ParseScriptSeries(std::string_view text) {
  ScriptSeries series;
  RONDA_ASSIGN_OR_RETURN(series.labels, TakeScriptLabels(&text));
  for (SkipBlanks(&text); !text.empty(); SkipBlanks(&text)) {
    const std::string_view word = TakeWord(&text);
    if (!AddPoints(word, &series.points) || series.points.size() > kMaxPoints) {
      return Fail(absl::StatusCode::kInvalidArgument, "bad point \"{}\"", word);
    }
  }
  return series;
}

std::optional<double> ParseScriptNumber(std::string_view text) {
  double sign = 1;
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    sign = digits[0] == '-' ? -1 : 1;
    digits.remove_prefix(1);
  }
  if (const auto number = ParseNumber(digits)) {
    return sign * *number;
  }
  const std::optional<double> word = TakeNumber(&text);
  return text.empty() ? word : std::nullopt;
}

std::optional<int64_t> ParseScriptTime(std::string_view text) {
  int64_t sign = 1;
  if (!text.empty() && text[0] == '-') {
    sign = -1;
    text.remove_prefix(1);
  }
  if (const auto ms = ParseDurationMs(text)) {
    return sign * *ms;
  }
  const auto seconds = ParseNumber(text);
  if (!seconds.has_value() || !(*seconds < 9e12)) {
    return std::nullopt;
  }
  return sign * std::llround(*seconds * 1000);
}

}  // namespace ronda::promql
