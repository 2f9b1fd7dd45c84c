// Tested by tests/unit/collector/transfer/text_format_test.cc and tests/fuzz/import_line_fuzz.cc.
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "collector/promql/number_text.h"
#include "collector/transfer/text_format.h"
#include "common/base/status.h"
#include "common/base/utf8.h"
#include "common/codec/schema_limits.h"
#include "common/model/labels.h"
#include "common/model/sample.h"

namespace ronda::transfer {
namespace {

constexpr int64_t kMaxTimeMs = 253'402'300'799'999;  // the end of the year 9999
// In milliseconds a day of March 1973, in seconds the year 5138: a whole number below is seconds.
constexpr int64_t kLeastMs = 100'000'000'000;
using codec::kMaxLabels;
using codec::kMaxNameBytes;
constexpr size_t kMaxValueBytes = codec::kMaxTextBytes;
constexpr size_t kMaxSourceBytes = 253;  // of node, job and instance

template <typename... Args>
absl::Status Bad(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

// For messages: not more than a screen shows.
std::string Shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "..." : "") + "\"";
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (IsBlank(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (IsBlank(text.back()) || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view TakeWord(std::string_view* text) {
  *text = Trim(*text);
  size_t end = 0;
  while (end < text->size() && !IsBlank((*text)[end])) {
    ++end;
  }
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(end);
  return word;
}

std::optional<double> ParseValue(std::string_view text) {
  std::string_view number = text;
  if (number.starts_with('+')) {
    number.remove_prefix(1);
  }
  if (promql::EqualsIgnoreCase(number, "nan")) {
    return std::bit_cast<double>(uint64_t{0x7ff8000000000000});
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value,
                                            std::chars_format::general);
  // from_chars knows "nan(...)" as well, which nobody writes, and a sign after the sign.
  const bool whole = error == std::errc() && end == number.data() + number.size();
  if (!whole || std::isnan(value) || (text.size() != number.size() && number.starts_with('-'))) {
    return std::nullopt;
  }
  return value;
}

// What CSV alone has: stale, NaN:7ff8000000000001.
std::optional<double> ParseCsvValue(std::string_view text) {
  if (text == "stale") {
    return StaleMarker();
  }
  if (text.starts_with("NaN:")) {
    uint64_t bits = 0;
    const std::string_view hex = text.substr(4);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16);
    const auto value = std::bit_cast<double>(bits);
    if (hex.size() != 16 || error != std::errc() || end != hex.data() + hex.size() ||
        !std::isnan(value)) {
      return std::nullopt;
    }
    return value;
  }
  return ParseValue(text);
}

absl::Status ParseTime(std::string_view text, bool seconds, int64_t* t_ms) {
  int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (is_whole && !seconds) {
    if (whole > 0 && whole < kLeastMs) {
      return Bad(
          "the time {} would be before 1973 in milliseconds: give --seconds if it is in "
          "seconds",
          whole);
    }
    *t_ms = whole;
  } else {
    const std::optional<double> value = ParseValue(text);
    if (!value.has_value() || !(std::fabs(*value) < 1e12)) {
      return Bad("the time {} is no number of milliseconds", Shown(text));
    }
    *t_ms = static_cast<int64_t>(std::llround(*value * 1000));
  }
  if (*t_ms <= 0 || *t_ms > kMaxTimeMs) {
    return Bad("the time {} lies outside the years 1970 to 9999", Shown(text));
  }
  return absl::OkStatus();
}

// The end of name{...} at the begin of `text`; npos if a brace or a quote is not closed.
size_t EndOfSeries(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && text[i] != '{' && !IsBlank(text[i])) {
    ++i;
  }
  size_t brace = i;
  while (brace < text.size() && IsBlank(text[brace])) {
    ++brace;
  }
  if (brace == text.size() || text[brace] != '{') {
    return i;
  }
  bool quoted = false;
  for (i = brace + 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == '}') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

absl::StatusOr<std::string_view> TakeSeries(std::string_view* text) {
  *text = Trim(*text);
  const size_t end = EndOfSeries(*text);
  if (end == std::string_view::npos) {
    return Bad("the labels are not closed: a quote or '}}' is missing");
  }
  const std::string_view series = text->substr(0, end);
  text->remove_prefix(end);
  return series;
}

// Takes a text in double quotes off *text; `what` is for messages.
absl::StatusOr<std::string> TakeQuoted(std::string_view what, std::string_view* text) {
  if (text->empty() || text->front() != '"') {
    return Bad("{} does not stand in double quotes", what);
  }
  std::string out;
  size_t i = 1;
  for (; i < text->size() && (*text)[i] != '"'; ++i) {
    char c = (*text)[i];
    if (c == '\\' && i + 1 < text->size()) {
      c = (*text)[++i];
      if (c != '\\' && c != '"' && c != 'n') {
        return Bad("{} has the escape \\{}: \\\\, \\\" and \\n are known", what, c);
      }
      c = c == 'n' ? '\n' : c;
    }
    out += c;
  }
  if (i >= text->size()) {
    return Bad("{} is not closed", what);
  }
  text->remove_prefix(i + 1);
  return out;
}

absl::Status ParseComment(std::string_view text, bool seconds, Line* line) {
  text.remove_prefix(1);
  const std::string_view word = TakeWord(&text);
  if (word == "ENDED") {
    RONDA_ASSIGN_OR_RETURN(line->series, TakeSeries(&text));
    line->kind = LineKind::kSample;
    line->value = StaleMarker();
    return ParseTime(Trim(text), seconds, &line->t_ms);
  }
  if (word == "HELP" || word == "TYPE" || word == "UNIT") {
    text = Trim(text);
    if (text.starts_with('"')) {
      RONDA_ASSIGN_OR_RETURN(line->name, TakeQuoted("the name of the metric", &text));
    } else {
      line->name = std::string(TakeWord(&text));
    }
    line->text = Trim(text);
    line->kind = word == "HELP"   ? LineKind::kHelp
                 : word == "TYPE" ? LineKind::kType
                                  : LineKind::kUnit;
    if (!IsName(line->name)) {
      return Bad("{} of {}, which is no name of a metric", word, Shown(line->name));
    }
  }
  return absl::OkStatus();  // # EOF and other comments
}

absl::Status ParsePrometheus(std::string_view text, bool seconds, Line* line) {
  if (text.front() == '#') {
    return ParseComment(text, seconds, line);
  }
  RONDA_ASSIGN_OR_RETURN(line->series, TakeSeries(&text));
  const std::string_view value = TakeWord(&text);
  const std::string_view time = TakeWord(&text);
  if (value.empty()) {
    return Bad("no value after the series {}", Shown(line->series));
  }
  const std::optional<double> parsed = ParseValue(value);
  if (!parsed.has_value()) {
    return Bad("the value {} is no number", Shown(value));
  }
  if (time.empty() || time.front() == '#') {
    return Bad("no time after the value: an import needs the time of each sample");
  }
  text = Trim(text);
  if (!text.empty() && text.front() != '#') {  // OpenMetrics: an exemplar
    return Bad("{} after the time", Shown(text));
  }
  line->kind = LineKind::kSample;
  line->value = *parsed;
  return ParseTime(time, seconds, &line->t_ms);
}

absl::Status ParseCsv(std::string_view text, bool seconds, Line* line) {
  if (text == kCsvHeader) {
    return absl::OkStatus();
  }
  const size_t first = text.find(',');
  const size_t second = first == std::string_view::npos ? first : text.find(',', first + 1);
  if (second == std::string_view::npos || second + 1 == text.size()) {
    return Bad("{} columns are expected, {}: {}", 3, kCsvHeader, Shown(text));
  }
  const std::string_view value = text.substr(first + 1, second - first - 1);
  const std::optional<double> parsed = ParseCsvValue(value);
  if (!parsed.has_value()) {
    return Bad("the value {} is no number", Shown(value));
  }
  line->kind = LineKind::kSample;
  line->value = *parsed;
  line->series = text.substr(second + 1);
  return ParseTime(text.substr(0, first), seconds, &line->t_ms);
}

// The content of a CSV field.
absl::StatusOr<std::string> Unquote(std::string_view field) {
  if (field.empty() || field.front() != '"') {
    return std::string(field);
  }
  std::string out;
  for (size_t i = 1; i < field.size(); ++i) {
    if (field[i] != '"') {
      out += field[i];
    } else if (i + 1 < field.size() && field[i + 1] == '"') {
      out += field[++i];
    } else if (i + 1 == field.size()) {
      return out;
    } else {
      return Bad("text after the quoted series");
    }
  }
  return Bad("the quote around the series is not closed");
}

absl::Status CheckLabel(const Label& label) {
  const bool is_source = label.name == "node" || label.name == "job" || label.name == "instance";
  if (!IsName(label.name) || label.name.size() > kMaxNameBytes) {
    return Bad("{} is no name of a label, or longer than {} bytes", Shown(label.name),
               kMaxNameBytes);
  }
  if (label.name.starts_with("__")) {
    return Bad("the label {} is reserved", label.name);
  }
  const size_t limit = is_source ? kMaxSourceBytes : kMaxValueBytes;
  if (label.value.size() > limit) {
    return Bad("the label {} has {} bytes, {} are allowed", label.name, label.value.size(), limit);
  }
  if (!IsUtf8(label.value)) {
    return Bad("the label {} is not UTF-8", label.name);
  }
  return absl::OkStatus();
}

// name="value" at the begin of *text.
// name="value", "name"="value", or the metric's name in quotes alone.
absl::StatusOr<Label> TakeLabel(std::string_view* text) {
  Label label;
  if (text->front() == '"') {
    RONDA_ASSIGN_OR_RETURN(label.name, TakeQuoted("a name", text));
    *text = Trim(*text);
    if (text->empty() || text->front() == ',') {
      return Label{std::string(kMetricName), std::move(label.name)};
    }
  } else {
    const size_t end = std::min(text->find('='), text->size());
    label.name = std::string(Trim(text->substr(0, end)));
    if (end == text->size()) {
      return Bad("a label without '=' at {}", Shown(*text));
    }
    text->remove_prefix(end);
    if (!IsLabelName(label.name)) {
      return Bad("{} is no name of a label without quotes", Shown(label.name));
    }
    if (label.name == kMetricName) {
      return Bad("the label {} is reserved", label.name);
    }
  }
  if (text->front() != '=') {
    return Bad("'=' is expected before {}", Shown(*text));
  }
  *text = Trim(text->substr(1));
  RONDA_ASSIGN_OR_RETURN(
      label.value, TakeQuoted(fmt::format("the value of the label {}", Shown(label.name)), text));
  return label;
}

}  // namespace

absl::Status ParseLine(Format format, std::string_view text, bool seconds, Line* line) {
  *line = Line();
  text = Trim(text);
  if (text.empty()) {
    return absl::OkStatus();
  }
  return format == Format::kCsv ? ParseCsv(text, seconds, line)
                                : ParsePrometheus(text, seconds, line);
}

absl::StatusOr<Labels> ParseSeries(Format format, std::string_view series) {
  std::string content(series);
  if (format == Format::kCsv) {
    RONDA_ASSIGN_OR_RETURN(content, Unquote(series));
  }
  const size_t brace = std::min(content.find('{'), content.size());
  const std::string_view plain_name = Trim(std::string_view(content).substr(0, brace));
  std::vector<Label> labels;
  if (!plain_name.empty()) {
    labels.push_back({std::string(kMetricName), std::string(plain_name)});
  }
  std::string_view rest = Trim(std::string_view(content).substr(brace));
  if (!rest.empty()) {
    if (rest.size() < 2 || rest.back() != '}') {
      return Bad("the labels do not end with '}}'");
    }
    rest = Trim(rest.substr(1, rest.size() - 2));
  }
  while (!rest.empty()) {
    RONDA_ASSIGN_OR_RETURN(Label label, TakeLabel(&rest));
    if (label.name != kMetricName) {
      RONDA_RETURN_IF_ERROR(CheckLabel(label));
    }
    for (const Label& other : labels) {
      if (other.name == label.name) {
        return Bad("the label {} is there twice", label.name);
      }
    }
    labels.push_back(std::move(label));
    if (labels.size() > kMaxLabels) {
      return Bad("more than {} labels", kMaxLabels - 1);
    }
    rest = Trim(rest);
    if (!rest.empty() && rest.front() != ',') {
      return Bad("',' is expected before {}", Shown(rest));
    }
    rest = rest.empty() ? rest : Trim(rest.substr(1));
  }
  Labels parsed(std::move(labels));
  const std::string_view name = parsed.Get(kMetricName);
  if ((!plain_name.empty() && !IsMetricName(name)) || !IsName(name) ||
      name.size() > kMaxNameBytes) {
    return Bad("{} is no name of a metric, or longer than {} bytes", Shown(name), kMaxNameBytes);
  }
  return parsed;
}

MetricType ParseType(std::string_view text) {
  return text == "counter" ? MetricType::kCounter
         : text == "gauge" ? MetricType::kGauge
                           : MetricType::kUnknown;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 'n' ? "\n" : std::string(1, text[i]);
    } else {
      out += text[i];
    }
  }
  return out;
}

Format DetectFormat(std::string_view first_line) {
  return Trim(first_line) == kCsvHeader ? Format::kCsv : Format::kPrometheus;
}

}  // namespace ronda::transfer
