// The recorded ten minutes of a host in tests/testdata/host_capture (README.md there).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/labels.h"
#include "common/model/metric.h"

namespace ronda::bench {

struct CaptureSeries {
  std::string job;
  std::string metric;
  MetricType type = MetricType::kUnknown;
  Labels labels;     // without the name
  int decimals = 0;  // most digits after the point that any value of it has
};

struct HostCapture {
  std::vector<CaptureSeries> series;
  size_t ticks = 0;
  std::vector<double> values;  // [tick][series]; NaN where there is no sample

  double value(size_t tick, size_t s) const { return values[tick * series.size() + s]; }
};

// Reads series.tsv and, through the program xz, values.csv.xz of `dir`. Ticks in which the scrape
// of a job failed are left out. Errors name the file.
absl::StatusOr<HostCapture> LoadHostCapture(const std::string& dir);

// Digits after the point of a number as text: 2 for "0.25", 9 for "3.6151e-05", 0 for "1.5e+06".
int DecimalsOf(std::string_view text);

}  // namespace ronda::bench
