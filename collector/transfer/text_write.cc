#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/transfer/text_format.h"
#include "common/model/labels.h"
#include "common/model/sample.h"

namespace ronda::transfer {
namespace {

constexpr uint64_t kPlainNan = 0x7ff8000000000000;

void AppendValue(Format format, double value, std::string* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  if (format == Format::kCsv && IsStale(value)) {
    *out += "stale";
  } else if (format == Format::kCsv && std::isnan(value) && bits != kPlainNan) {
    fmt::format_to(std::back_inserter(*out), "NaN:{:016x}", bits);
  } else {
    *out += promql::FormatNumber(value);
  }
}

std::string EscapeHelp(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string SeriesText(Format format, const Labels& labels) {
  const std::string text = labels.ToString();
  if (format == Format::kPrometheus || text.find_first_of(",\"\r") == std::string::npos) {
    return text;
  }
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + '"';
}

void AppendSample(Format format, std::string_view series, int64_t t_ms, double value,
                  std::string* out) {
  if (format == Format::kCsv) {
    fmt::format_to(std::back_inserter(*out), "{},", t_ms);
    AppendValue(format, value, out);
    *out += ',';
    *out += series;
  } else if (IsStale(value)) {
    *out += "# ENDED ";
    *out += series;
    fmt::format_to(std::back_inserter(*out), " {}", t_ms);
  } else {
    *out += series;
    *out += ' ';
    AppendValue(format, value, out);
    fmt::format_to(std::back_inserter(*out), " {}", t_ms);
  }
  *out += '\n';
}

void AppendMetric(Format format, const MetricInfo& metric, std::string* out) {
  if (format == Format::kCsv) {
    return;
  }
  const std::string name = IsMetricName(metric.name) ? metric.name : QuoteLabelValue(metric.name);
  if (!metric.help.empty()) {
    *out += fmt::format("# HELP {} {}\n", name, EscapeHelp(metric.help));
  }
  *out += fmt::format("# TYPE {} {}\n", name,
                      metric.type == MetricType::kUnknown ? "untyped" : ToString(metric.type));
  if (!metric.unit.empty()) {
    *out += fmt::format("# UNIT {} {}\n", name, metric.unit);
  }
}

}  // namespace ronda::transfer
