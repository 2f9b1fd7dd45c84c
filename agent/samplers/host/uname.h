// uname(2): the kernel and the name of the machine.
#pragma once

#include <sys/utsname.h>

#include <cstdint>

#include "agent/samplers/sampler.h"

namespace ronda::agent {

class UnameSampler : public Sampler {
 public:
  std::string_view name() const override { return "uname"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  utsname last_{};
  uint64_t generation_ = 0;
  SeriesRef series_ = kNoSeries;
};

}  // namespace ronda::agent
