// /sys/class/net: state and settings of network devices.
#pragma once

#include <dirent.h>

#include <memory>
#include <string>

#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class NetclassSampler : public Sampler {
 public:
  explicit NetclassSampler(const std::string& sysfs);
  ~NetclassSampler() override;

  std::string_view name() const override { return "netclass"; }
  std::span<const MetricDescriptor> metrics() const override;
  // Two dozen files a device; changes in between show in the counters of carrier changes.
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Device;
  struct CloseDir {
    void operator()(DIR* dir) const { closedir(dir); }
  };

  absl::Status SampleDevice(std::string_view name, SeriesTable& table);
  absl::Status SampleNumbers(Device& device, SeriesTable& table);
  void SampleTexts(std::string_view name, Device& device, SeriesTable& table);

  const std::string path_;
  std::unique_ptr<DIR, CloseDir> dir_;
  DeviceMap<Device> devices_;
};

}  // namespace ronda::agent
