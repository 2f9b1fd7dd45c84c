// adjtimex(2): how well the clock is kept.
#pragma once

#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class TimexSampler : public Sampler {
 public:
  TimexSampler();

  std::string_view name() const override { return "timex"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  SeriesSet series_;
};

}  // namespace ronda::agent
