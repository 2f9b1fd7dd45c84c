// /proc/net/dev: traffic of network devices.
#pragma once

#include <string>

#include "agent/samplers/host/name_filter.h"
#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class NetdevSampler : public Sampler {
 public:
  NetdevSampler(const std::string& procfs, const std::string& sysfs, NameFilter exclude);
  ~NetdevSampler() override;

  std::string_view name() const override { return "netdev"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Device;

  absl::Status SampleDevice(std::string_view name, std::string_view fields, Device& device,
                            SeriesTable& table);

  ProcFile file_;
  const std::string sysfs_;
  const NameFilter exclude_;
  DeviceMap<Device> devices_;
};

}  // namespace ronda::agent
