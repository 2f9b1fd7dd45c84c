#include "tests/bench/host_capture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <utility>

#include "common/base/status.h"

namespace ronda::bench {
namespace {

std::vector<std::string_view> Split(std::string_view line, char separator) {
  std::vector<std::string_view> cells;
  for (;;) {
    const size_t end = line.find(separator);
    cells.push_back(line.substr(0, end));
    if (end == std::string_view::npos) {
      return cells;
    }
    line.remove_prefix(end + 1);
  }
}

// name{a="b",c="d"}: the exporters' text, which the capture holds as it was.
absl::Status ParseSeries(std::string_view text, CaptureSeries* out) {
  size_t at = std::min(text.find('{'), text.size());
  out->metric = text.substr(0, at);
  std::vector<Label> labels;
  while (at + 1 < text.size() && text[at] != '}') {
    const size_t equals = text.find("=\"", ++at);
    if (equals == std::string_view::npos) {
      return Fail(absl::StatusCode::kInvalidArgument, "not a series: {}", text);
    }
    Label label{std::string(text.substr(at, equals - at)), ""};
    for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) {
        ++at;
        label.value += text[at] == 'n' ? '\n' : text[at];
      } else {
        label.value += text[at];
      }
    }
    labels.push_back(std::move(label));
    ++at;  // the closing quote
  }
  out->labels = Labels(std::move(labels));
  return absl::OkStatus();
}

absl::Status ReadSeries(const std::string& path, HostCapture* out) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::vector<std::string_view> row = Split(line, '\t');
    if (row.size() != 4) {
      return Fail(absl::StatusCode::kInvalidArgument, "{}: a row has {} columns", path, row.size());
    }
    CaptureSeries series;
    series.job = row[1];
    series.type = row[2] == "counter" ? MetricType::kCounter
                  : row[2] == "gauge" ? MetricType::kGauge
                                      : MetricType::kUnknown;
    RONDA_RETURN_IF_ERROR(ParseSeries(row[3], &series));
    out->series.push_back(std::move(series));
  }
  if (out->series.empty()) {
    return Fail(absl::StatusCode::kNotFound, "{}: no series there", path);
  }
  return absl::OkStatus();
}

absl::Status AddTick(std::string_view line, HostCapture* out) {
  const std::vector<std::string_view> cells = Split(line, ',');
  if (cells.size() != out->series.size() + 1) {
    return Fail(absl::StatusCode::kInvalidArgument, "a tick has {} cells for {} series",
                cells.size(), out->series.size());
  }
  std::map<std::string_view, std::pair<size_t, size_t>> jobs;  // series, and those without a value
  const size_t begin = out->values.size();
  for (size_t s = 0; s < out->series.size(); ++s) {
    const std::string text(cells[s + 1]);
    const double value = text.empty() ? std::numeric_limits<double>::quiet_NaN()
                                      : std::strtod(text.c_str(), nullptr);
    auto& [all, missing] = jobs[out->series[s].job];
    ++all;
    missing += std::isnan(value) ? 1 : 0;
    out->values.push_back(value);
    out->series[s].decimals = std::max(out->series[s].decimals, DecimalsOf(text));
  }
  const bool failed = std::any_of(jobs.begin(), jobs.end(), [](const auto& job) {
    return 2 * job.second.second > job.second.first;
  });
  if (failed) {
    out->values.resize(begin);
  } else {
    ++out->ticks;
  }
  return absl::OkStatus();
}

absl::Status ReadValues(const std::string& path, HostCapture* out) {
  FILE* const pipe = popen(fmt::format("xz -dc '{}'", path).c_str(), "r");
  if (pipe == nullptr) {
    return Fail(absl::StatusCode::kInternal, "starting xz for {}", path);
  }
  absl::Status status;
  char* line = nullptr;
  size_t capacity = 0;
  bool header = true;
  for (ssize_t n = 0; status.ok() && (n = getline(&line, &capacity, pipe)) > 0;) {
    std::string_view text(line, static_cast<size_t>(n));
    if (text.ends_with('\n')) {
      text.remove_suffix(1);
    }
    status = std::exchange(header, false) ? absl::OkStatus() : AddTick(text, out);
  }
  std::free(line);
  const int exit_code = pclose(pipe);
  RONDA_RETURN_IF_ERROR(Annotate(status, path));
  if (exit_code != 0 || out->ticks < 2) {
    return Fail(absl::StatusCode::kNotFound, "{}: xz gave {} ticks, exit code {}", path, out->ticks,
                exit_code);
  }
  return absl::OkStatus();
}

}  // namespace

int DecimalsOf(std::string_view text) {
  const size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  const size_t point = mantissa.find('.');
  int digits = point == std::string_view::npos ? 0 : static_cast<int>(mantissa.size() - point - 1);
  if (e != std::string_view::npos) {
    digits -= std::atoi(std::string(text.substr(e + 1)).c_str());
  }
  return std::max(digits, 0);
}

absl::StatusOr<HostCapture> LoadHostCapture(const std::string& dir) {
  HostCapture capture;
  RONDA_RETURN_IF_ERROR(ReadSeries(dir + "/series.tsv", &capture));
  RONDA_RETURN_IF_ERROR(ReadValues(dir + "/values.csv.xz", &capture));
  return capture;
}

}  // namespace ronda::bench
