// /proc/net/arp: neighbours known on each network device.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class ArpSampler : public Sampler {
 public:
  explicit ArpSampler(const std::string& procfs);

  std::string_view name() const override { return "arp"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  ProcFile file_;
  std::vector<std::pair<std::string_view, uint64_t>> counts_;  // reused
};

}  // namespace ronda::agent
