#include "collector/cli/series_output.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "collector/cli/plot.h"
#include "collector/cli/report.h"
#include "collector/cli/units.h"
#include "collector/promql/number_text.h"
#include "common/model/sample.h"

namespace ronda::cli {
namespace {

using query::SeriesData;

// Text goes out in pieces of about this size.
constexpr size_t kPieceBytes = 64 << 10;
// More columns of values are hard to read whatever the width.
constexpr size_t kMaxValueColumns = 8;

std::set<std::string> LabelNames(const std::vector<SeriesData>& series) {
  std::set<std::string> names;  // __name__ sorts before the lower case
  for (const SeriesData& s : series) {
    for (const Label& label : s.labels.all()) {
      names.insert(label.name);
    }
  }
  return names;
}

std::string JsonLabels(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels.all()) {
    out += fmt::format("{}{}:{}", out.size() > 1 ? "," : "", JsonString(label.name),
                       JsonString(label.value));
  }
  out += '}';
  return out;
}

std::string JsonSample(int64_t t_ms, double value) {
  return fmt::format("[{},\"{}\"]", FormatUnixSeconds(t_ms), promql::FormatNumber(value));
}

// The labels that all series have in common.
Labels CommonLabels(const std::vector<SeriesData>& series) {
  Labels common = series.front().labels;
  for (const SeriesData& s : series) {
    for (const Label& label : std::vector<Label>(common.all())) {
      if (s.labels.Get(label.name) != label.value) {
        common.Set(label.name, "");
      }
    }
  }
  return common;
}

Report InstantReport(const std::vector<SeriesData>& series, int64_t now_ms, absl::TimeZone zone) {
  Report report(
      {{"SERIES", "series"}, {"VALUE", "value", true}, {"TIME", "time"}, {"AGE", "age", true}});
  for (const SeriesData& s : series) {
    const int64_t age_ms = std::max<int64_t>(now_ms - s.t_ms.back(), 0);
    report.Add({Cell::Text(s.labels.ToString()),
                Cell::Both(HumanValue(s.values.back(), s.metric), ""),
                Cell::Both(FormatInstant(s.t_ms.back(), zone), ""),
                Cell::Both(HumanDuration(age_ms), "")});
  }
  return report;
}

// A row for each time, a column for each series.
Report ValueReport(const std::vector<SeriesData>& series, absl::TimeZone zone) {
  std::vector<Column> columns = {{"TIME", "time"}};
  for (const std::string& name : DistinctNames(series)) {
    columns.push_back({Cell::Text(name).text, name, true});
  }
  std::map<int64_t, std::vector<Cell>> rows;
  for (size_t i = 0; i < series.size(); ++i) {
    for (size_t k = 0; k < series[i].t_ms.size(); ++k) {
      if (!IsStale(series[i].values[k])) {
        std::vector<Cell>& row =
            rows.try_emplace(series[i].t_ms[k], series.size() + 1, Cell::None()).first->second;
        row[i + 1] = Cell::Both(HumanValue(series[i].values[k], series[i].metric), "");
      }
    }
  }
  Report report(std::move(columns));
  for (auto& [t_ms, row] : rows) {
    row[0] = Cell::Text(FormatInstant(t_ms, zone));
    report.Add(std::move(row));
  }
  return report;
}

Report SummaryReport(const std::vector<SeriesData>& series, absl::TimeZone zone) {
  Report report({{"SERIES", "series"},
                 {"SAMPLES", "samples", true},
                 {"MIN", "min", true},
                 {"AVERAGE", "average", true},
                 {"MAX", "max", true},
                 {"LAST", "last", true},
                 {"LAST TIME", "last_time"}});
  for (const SeriesData& s : series) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    double sum = 0;
    int64_t count = 0;
    size_t last = 0;
    for (size_t i = 0; i < s.values.size(); ++i) {
      if (!IsStale(s.values[i])) {
        low = std::min(low, s.values[i]);
        high = std::max(high, s.values[i]);
        sum += s.values[i];
        ++count;
        last = i;
      }
    }
    if (count > 0) {
      const auto cell = [&](double v) { return Cell::Both(HumanValue(v, s.metric), ""); };
      report.Add({Cell::Text(s.labels.ToString()), Cell::Number(count, HumanCount(count)),
                  cell(low), cell(sum / static_cast<double>(count)), cell(high),
                  cell(s.values[last]), Cell::Text(FormatInstant(s.t_ms[last], zone))});
    }
  }
  return report;
}

// Times on the axis: as short as the window lets them be.
std::string_view AxisPattern(int64_t length_ms) {
  if (length_ms <= 3'600'000) {
    return "%H:%M:%S";
  }
  if (length_ms <= 86'400'000) {
    return "%H:%M";
  }
  return length_ms <= int64_t{14} * 86'400'000 ? "%m-%d %H:%M" : "%Y-%m-%d";
}

}  // namespace

std::vector<std::string> DistinctNames(const std::vector<SeriesData>& series) {
  std::vector<std::string> names;
  if (series.size() == 1) {
    names.push_back(series.front().labels.ToString());
    return names;
  }
  const Labels common = series.empty() ? Labels() : CommonLabels(series);
  for (const SeriesData& s : series) {
    Labels own = s.labels;
    for (const Label& label : common.all()) {
      own.Set(label.name, "");
    }
    names.push_back(own.ToString());
  }
  return names;
}

void WriteCsv(const std::vector<SeriesData>& series, absl::TimeZone zone, Sink out) {
  const std::set<std::string> names = LabelNames(series);
  std::string text = "time";
  for (const std::string& name : names) {
    text += ',';
    text += CsvField(name);
  }
  text += ",value\n";
  for (const SeriesData& s : series) {
    std::string labels;
    for (const std::string& name : names) {
      labels += ',';
      labels += CsvField(s.labels.Get(name));
    }
    for (size_t i = 0; i < s.t_ms.size(); ++i) {
      if (IsStale(s.values[i])) {
        continue;
      }
      text += FormatRfc3339(s.t_ms[i], zone);
      text += labels;
      text += ',';
      text += promql::FormatNumber(s.values[i]);
      text += '\n';
      if (text.size() >= kPieceBytes) {
        if (!out(text)) {
          return;
        }
        text.clear();
      }
    }
  }
  out(text);
}

void WriteJson(const std::vector<SeriesData>& series, bool instant, Sink out) {
  std::string text =
      fmt::format("{{\"resultType\":\"{}\",\"result\":[", instant ? "vector" : "matrix");
  bool first_series = true;
  for (const SeriesData& s : series) {
    text += first_series ? "\n" : ",\n";
    first_series = false;
    text +=
        fmt::format(R"({{"metric":{},"{}":)", JsonLabels(s.labels), instant ? "value" : "values");
    if (instant) {
      text += JsonSample(s.t_ms.back(), s.values.back());
      text += '}';
      continue;
    }
    char before = '[';
    for (size_t i = 0; i < s.t_ms.size(); ++i) {
      if (IsStale(s.values[i])) {
        continue;
      }
      text += before;
      text += JsonSample(s.t_ms[i], s.values[i]);
      before = ',';
      if (text.size() >= kPieceBytes) {
        if (!out(text)) {
          return;
        }
        text.clear();
      }
    }
    text += before == '[' ? "[]}" : "]}";
  }
  out(text + (first_series ? "]}\n" : "\n]}\n"));
}

std::string SeriesTable(const std::vector<SeriesData>& series, const Window& window, int64_t now_ms,
                        absl::TimeZone zone, const Terminal& terminal) {
  if (series.empty()) {
    return "";
  }
  if (window.instant) {
    return InstantReport(series, now_ms, zone).ToTable(terminal.colour);
  }
  const Labels common = CommonLabels(series);
  if (series.size() <= kMaxValueColumns) {
    size_t width = 19;
    for (const std::string& name : DistinctNames(series)) {
      width += 2 + std::max<size_t>(DisplayWidth(name), 10);
    }
    if (series.size() == 1 || width <= static_cast<size_t>(terminal.width)) {
      const std::string head =
          series.size() == 1 || common.empty() ? "" : Cell::Text(common.ToString()).text + "\n";
      return head + ValueReport(series, zone).ToTable(terminal.colour);
    }
  }
  return SummaryReport(series, zone).ToTable(terminal.colour);
}

std::string SeriesPlot(const std::vector<SeriesData>& series, const Window& window,
                       absl::TimeZone zone, const Terminal& terminal) {
  std::vector<PlotSeries> lines;
  const std::vector<std::string> names = DistinctNames(series);
  for (size_t i = 0; i < std::min(series.size(), kMaxPlotSeries); ++i) {
    lines.push_back({Cell::Text(names[i]).text, series[i].t_ms, series[i].values});
  }
  PlotOptions options;
  options.width = terminal.width;
  options.height = 20;
  options.utf8 = terminal.utf8;
  options.colour = terminal.colour;
  options.from_ms = window.from_ms;
  options.to_ms = window.to_ms;
  const MetricInfo metric = series.empty() ? MetricInfo() : series.front().metric;
  options.format_value = [metric](double v) { return HumanValue(v, metric); };
  const std::string_view pattern = AxisPattern(window.to_ms - window.from_ms);
  options.format_time = [pattern, zone](int64_t t_ms) {
    return FormatPattern(pattern, t_ms, zone);
  };
  std::string head;
  if (series.size() > 1 && !CommonLabels(series).empty()) {
    head = Cell::Text(CommonLabels(series).ToString()).text + "\n";
  }
  return head + DrawPlot(lines, options);
}

}  // namespace ronda::cli
