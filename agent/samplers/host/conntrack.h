// Connection tracking of netfilter.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class ConntrackSampler : public Sampler {
 public:
  explicit ConntrackSampler(const std::string& procfs);

  std::string_view name() const override { return "conntrack"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  absl::Status SampleStats(SeriesTable& table);

  ProcFile count_;
  ProcFile max_;
  ProcFile stats_;
  SeriesSet series_;
};

}  // namespace ronda::agent
