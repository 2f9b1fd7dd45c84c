// /proc/diskstats: I/O of block devices.
#pragma once

#include <memory>
#include <string>

#include "agent/samplers/host/name_filter.h"
#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class DiskstatsSampler : public Sampler {
 public:
  // `rootfs` has run/udev/data, which says more about a device; it may lack it.
  DiskstatsSampler(const std::string& procfs, const std::string& rootfs, NameFilter exclude);
  ~DiskstatsSampler() override;

  std::string_view name() const override { return "diskstats"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Disk;

  std::unique_ptr<Disk> NewDisk(std::string_view major, std::string_view minor,
                                std::string_view device) const;
  absl::Status SampleDisk(std::string_view device, std::string_view fields, Disk& disk,
                          SeriesTable& table) const;

  ProcFile file_;
  const std::string udev_;
  const NameFilter exclude_;
  DeviceMap<Disk> disks_;
};

}  // namespace ronda::agent
