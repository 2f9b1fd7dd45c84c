// /proc/loadavg.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class LoadavgSampler : public Sampler {
 public:
  explicit LoadavgSampler(const std::string& procfs);

  std::string_view name() const override { return "loadavg"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile loadavg_;
  ProcFile pid_max_;
  ProcFile threads_max_;
  SeriesSet series_;
};

}  // namespace ronda::agent
