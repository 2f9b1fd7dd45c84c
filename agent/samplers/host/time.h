// The wall clock, the time zone and the clock source.
#pragma once

#include <cstdint>
#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"
#include "common/base/clock.h"

namespace ronda::agent {

class TimeSampler : public Sampler {
 public:
  TimeSampler(const std::string& sysfs, const Clock& clock);

  std::string_view name() const override { return "time"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  void SampleZone(int64_t now_s, SeriesTable& table);
  void SampleClocksource(SeriesTable& table);

  const Clock& clock_;
  ProcFile available_;
  ProcFile current_;
  SeriesSet series_;
  int64_t zone_minute_ = -1;  // for which the two below hold
  long zone_offset_s_ = 0;
  std::string zone_;
};

}  // namespace ronda::agent
