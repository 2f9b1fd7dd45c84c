// /proc/net/udp and udp6: bytes waiting in UDP sockets.
#pragma once

#include <string>
#include <string_view>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class UdpQueuesSampler : public Sampler {
 public:
  explicit UdpQueuesSampler(const std::string& procfs);

  std::string_view name() const override { return "udp_queues"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  absl::Status SampleFile(ProcFile& file, std::string_view ip, SeriesTable& table);

  ProcFile udp_;
  ProcFile udp6_;
};

}  // namespace ronda::agent
