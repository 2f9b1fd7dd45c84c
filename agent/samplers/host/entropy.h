// /proc/sys/kernel/random: the kernel's random numbers.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class EntropySampler : public Sampler {
 public:
  explicit EntropySampler(const std::string& procfs);

  std::string_view name() const override { return "entropy"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile available_;
  ProcFile pool_size_;
  SeriesSet series_;
};

}  // namespace ronda::agent
