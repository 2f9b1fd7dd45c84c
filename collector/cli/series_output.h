// Samples as CSV, JSON, table and plot. What `ronda query` prints.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "collector/cli/console.h"
#include "collector/cli/times.h"
#include "collector/query/api.h"

namespace ronda::cli {

// Takes text piece by piece; false: it wants no more.
using Sink = absl::FunctionRef<bool(std::string_view)>;

// One row a sample: time (RFC 3339), a column for each label name that occurs (__name__ first),
// value (exact: the shortest text that reads back as the same number). Staleness markers are not
// samples and are left out, here as in JSON and tables.
void WriteCsv(const std::vector<query::SeriesData>& series, absl::TimeZone zone, Sink out);

// {"resultType":"matrix","result":[{"metric":{...},"values":[[seconds,"value"],...]}]}, or for an
// instant "vector" with "value", as in the Prometheus HTTP API's `data`.
void WriteJson(const std::vector<query::SeriesData>& series, bool instant, Sink out);

// An instant: a line a series. A window: a column for each series while few enough to fit, else a
// summary line a series.
std::string SeriesTable(const std::vector<query::SeriesData>& series, const Window& window,
                        int64_t now_ms, absl::TimeZone zone, const Terminal& terminal);

std::string SeriesPlot(const std::vector<query::SeriesData>& series, const Window& window,
                       absl::TimeZone zone, const Terminal& terminal);

// The labels that not all series have in common, as text; the whole name for a single series.
std::vector<std::string> DistinctNames(const std::vector<query::SeriesData>& series);

}  // namespace ronda::cli
