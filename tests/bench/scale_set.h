// Large sets of samples that behave like the recorded host: the sets `day`, `fleet` and `pg`.
//
// Nothing is repeated verbatim (a compressor would find the copies). Each node strings together
// stretches of 20 to 120 s of the capture, all series together so that they stay correlated, and
// each change is scaled by 0.7 to 1.3 and rounded to the series' own quantum (0.01 for CPU seconds,
// 4096 for memory). What did not change in a tick of the capture does not change in its copy.
// Counters stay monotone; each node has its own phase and its own start values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/schema.h"
#include "tests/bench/host_capture.h"

namespace ronda::bench {

// What a set is made of; shared by its nodes. Immutable.
struct ScaleSet {
  std::string name;
  std::string job;  // "node" or "postgres"
  int nodes = 0;
  int64_t ticks = 0;  // of one second
  uint64_t seed = 0;
  int64_t start_ms = 0;  // of the first tick; set by the caller
  std::shared_ptr<const Schema> schema;

  // The capture's columns of those series.
  size_t capture_ticks = 0;
  std::vector<double> values;                  // [tick][series]
  std::vector<std::vector<uint32_t>> changes;  // [tick]: series that differ in the tick after
  std::vector<uint8_t> is_counter;
  std::vector<uint8_t> is_live_counter;  // a counter that changes at all
  std::vector<double> quantum;
  std::vector<double> scale;  // 10^decimals, to round values to

  size_t series() const { return schema->series.size(); }
  int64_t samples() const {
    return static_cast<int64_t>(nodes) * ticks * static_cast<int64_t>(series());
  }
  int64_t end_ms() const { return start_ms + (ticks - 1) * 1000; }
  // "node-007".
  static std::string NodeName(int node);
  // All labels of series `i` of a node, as a collector makes them: with name, node, job, instance.
  Labels LabelsOf(int node, size_t i) const;
};

// `name` is day (1 node x 507 series x 24 h), fleet (100 x 118 x 1 h) or pg (1 x 538 x 6 h);
// `factor` shortens or lengthens the time. kInvalidArgument: no such set.
absl::StatusOr<ScaleSet> MakeScaleSet(const HostCapture& capture, std::string_view name,
                                      double factor, uint64_t seed);

// A fleet of `nodes` hosts with `series` series each, for as many ticks as are wanted (ticks is 0):
// first those of `fleet`, then the host's others, then copies that differ in a label.
ScaleSet MakeHostSet(const HostCapture& capture, int nodes, int series, uint64_t seed);

}  // namespace ronda::bench
