// /proc/net/softnet_stat: packets handled by each CPU.
#pragma once

#include <string>
#include <vector>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class SoftnetSampler : public Sampler {
 public:
  explicit SoftnetSampler(const std::string& procfs);

  std::string_view name() const override { return "softnet"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile file_;
  std::vector<SeriesSet> cpus_;  // by line
};

}  // namespace ronda::agent
