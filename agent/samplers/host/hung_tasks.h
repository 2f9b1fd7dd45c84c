// /proc/sys/kernel/hung_task_detect_count: tasks that hung, since the machine started.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class HungTasksSampler : public Sampler {
 public:
  explicit HungTasksSampler(const std::string& procfs);

  std::string_view name() const override { return "kernel_hung"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile file_;
  SeriesSet series_;
};

}  // namespace ronda::agent
