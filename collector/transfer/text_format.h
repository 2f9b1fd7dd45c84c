// Samples as lines of text: what `ronda export` writes and `ronda import` reads.
//
//   CSV         time_ms,value,series
//               1795132800000,0.25,"node_load1{instance=""web1"",job=""node"",node=""web1""}"
//   Prometheus  # HELP node_load1 Load average over a minute.
//               # TYPE node_load1 gauge
//               node_load1{instance="web1",job="node",node="web1"} 0.25 1795132800000
//
// Numbers are the shortest text that reads back as the same double. Where a series ended (the
// staleness marker) CSV has the value "stale"; Prometheus text, which has no word for it, the
// comment
// `# ENDED series time`, which others skip. A NaN other than 0x7ff8000000000000 is NaN:<16 hex
// digits> in CSV, plain NaN in Prometheus text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/labels.h"
#include "common/model/metric.h"

namespace ronda::transfer {

enum class Format { kCsv, kPrometheus };

inline constexpr std::string_view kCsvHeader = "time_ms,value,series";

// --- writing ---
void AppendSample(Format format, std::string_view series, int64_t t_ms, double value,
                  std::string* out);
// `series` as a line of the format has it: quoted for CSV.
std::string SeriesText(Format format, const Labels& labels);
// HELP, TYPE and UNIT; nothing in CSV.
void AppendMetric(Format format, const MetricInfo& metric, std::string* out);

// --- reading ---
enum class LineKind { kNothing, kSample, kHelp, kType, kUnit };

struct Line {
  LineKind kind = LineKind::kNothing;
  std::string_view series;  // as it stands in the line: parse with ParseSeries()
  int64_t t_ms = 0;
  double value = 0;
  std::string name;  // of the metric, of HELP, TYPE and UNIT
  std::string_view text;
};

// One line without its end. `seconds`: times are seconds, as in OpenMetrics; those with a point
// always are. kInvalidArgument says what is wrong and what was expected; the views point into
// `text`.
absl::Status ParseLine(Format format, std::string_view text, bool seconds, Line* line);
// Checks names, lengths and UTF-8 as the collector will.
absl::StatusOr<Labels> ParseSeries(Format format, std::string_view series);
// "counter", "gauge"; all else is kUnknown.
MetricType ParseType(std::string_view text);
// \\ and \n of HELP lines.
std::string Unescape(std::string_view text);

// By a file's first line that is not empty.
Format DetectFormat(std::string_view first_line);

}  // namespace ronda::transfer
