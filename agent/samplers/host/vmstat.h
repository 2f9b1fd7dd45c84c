// /proc/vmstat: paging, swapping, OOM kills.
#pragma once

#include <string>

#include "agent/samplers/host/key_table.h"
#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/recent_count.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class VmstatSampler : public Sampler {
 public:
  explicit VmstatSampler(const std::string& procfs);

  std::string_view name() const override { return "vmstat"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile file_;
  KeyTable keys_;
  SeriesSet series_;
  RecentCount oom_kills_;
};

}  // namespace ronda::agent
