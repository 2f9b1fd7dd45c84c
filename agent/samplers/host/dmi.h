// /sys/class/dmi/id: the machine.
#pragma once

#include <string>

#include "agent/samplers/sampler.h"

namespace ronda::agent {

class DmiSampler : public Sampler {
 public:
  explicit DmiSampler(const std::string& sysfs);

  std::string_view name() const override { return "dmi"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 60; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  const std::string path_;
};

}  // namespace ronda::agent
