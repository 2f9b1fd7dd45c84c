// What every sampler is, and the table it fills.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "common/model/metric.h"
#include "common/model/sample.h"
#include "common/model/schema.h"

namespace ronda::agent {

// Index of a series within its table; stays valid until Compact() removes something.
using SeriesRef = uint32_t;

// "No series": Set() ignores it. Declare() gives it when the table is full.
inline constexpr SeriesRef kNoSeries = UINT32_MAX;

// The series of one group and their values at the present tick. Samplers declare a series once,
// when its device or process appears (this allocates), and then set it each tick (this does not;
// declaring a series that is there does not either). A series that is not set in a tick has no
// sample there; Compact() forgets those that have been without for a whole run. Not thread-safe:
// one thread samples a group.
class SeriesTable {
 public:
  SeriesTable();

  // `label_values` belong to metric.labels, in that order; an empty value means "no such label",
  // missing ones are empty. Values are cut at 1 KiB and made UTF-8, as the schema's format wants.
  // Declaring a series that is there already returns it. Gives kNoSeries, and counts it, above
  // codec::kMaxSeries.
  SeriesRef Declare(const MetricDescriptor& metric, std::span<const std::string_view> label_values);
  SeriesRef Declare(const MetricDescriptor& metric,
                    std::initializer_list<std::string_view> label_values = {}) {
    return Declare(metric, std::span(label_values.begin(), label_values.size()));
  }

  // What is declared and set from here on belongs to sampler number `owner`; its series are without
  // a sample until Set(). Those of other samplers keep their values (a sampler that runs every 5 s
  // holds still in between). Owners are small numbers: 0, 1, 2 ...
  void BeginSampler(uint32_t owner);
  void Set(SeriesRef series, double value) {
    if (series < values_.size()) {
      values_[series] = value;
      used_[series] = 1;
    }
  }

  std::span<const double> values() const { return values_; }
  size_t size() const { return values_.size(); }
  // Declarations that were refused since the table was made.
  uint64_t refused() const { return refused_; }

  // The schema of the present series; the same pointer until a series is declared or compacted.
  const std::shared_ptr<const Schema>& schema();

  // Removes the series that have no sample now and had none since the last Compact(). Returns true
  // if any were removed: then every SeriesRef is void and generation() has changed, so that
  // samplers declare anew. Call it between ticks, when a run ends.
  bool Compact();
  uint64_t generation() const { return generation_; }

 private:
  uint32_t MetricIndex(const MetricDescriptor& metric);
  void AddSeries(Schema::Series series, std::string key, double value, uint32_t owner);

  Schema draft_;
  std::shared_ptr<const Schema> schema_;
  std::vector<double> values_;
  std::vector<uint8_t> used_;                  // set since the last Compact()
  std::vector<uint32_t> owner_;                // of each series
  std::vector<std::vector<SeriesRef>> owned_;  // by owner
  std::vector<std::string> keys_;              // of each series: its entry in by_key_
  StringMap<SeriesRef> by_key_;                // metric name and label values, separated by NUL
  StringMap<uint32_t> metric_index_;
  std::string key_;  // reused
  uint32_t current_owner_ = 0;
  uint64_t generation_ = 1;
  uint64_t refused_ = 0;
};

// What an exporter says of its collectors, for dashboards that ask for it under that name: the same
// as ronda_sampler_duration_seconds and ronda_sampler_success. Both have the label `collector`.
struct ScrapeMetrics {
  MetricDescriptor duration;
  MetricDescriptor success;
};

// Reads one source of data. Not thread-safe; the scheduler calls it from one thread.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // "cpu", "diskstats", ...: the label `sampler` of ronda_sampler_*.
  virtual std::string_view name() const = 0;

  // Everything it can emit. A test holds what is emitted to this table.
  virtual std::span<const MetricDescriptor> metrics() const = 0;

  // How often, in seconds; between, its series keep the values they had.
  virtual int interval_s() const { return 1; }

  // Reads the source and sets its series in `table`. `t_ms` is the tick's time. A source that the
  // kernel does not have is not an error (nothing is set); one that cannot be read is. After an
  // error nothing that was set in the call counts.
  virtual absl::Status Sample(int64_t t_ms, SeriesTable& table) = 0;

  // Sets what is to be said while the source is down (pg_up 0), and nothing else: called in each
  // tick in which the group's `up` is 0. Most samplers have nothing to say then.
  virtual void SetDown(SeriesTable& /*table*/) {}
};

}  // namespace ronda::agent
