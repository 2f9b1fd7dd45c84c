// /proc/schedstat: time tasks ran and waited on each CPU.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class SchedstatSampler : public Sampler {
 public:
  explicit SchedstatSampler(const std::string& procfs);

  std::string_view name() const override { return "schedstat"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile file_;
  DeviceMap<SeriesSet> cpus_;
};

}  // namespace ronda::agent
