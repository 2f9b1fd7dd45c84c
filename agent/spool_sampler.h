// What the agent keeps unacknowledged, and what it had to give up.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "agent/samplers/sampler.h"
#include "agent/spool/run_queue.h"
#include "agent/spool/spool.h"
#include "common/base/clock.h"

namespace ronda::agent {

class SpoolSampler : public Sampler {
 public:
  // The references must outlive it.
  SpoolSampler(const RunQueue& queue, const Spool& spool, const Clock& clock)
      : queue_(queue), spool_(spool), clock_(clock) {}

  static std::span<const MetricDescriptor> Metrics();
  std::string_view name() const override { return "spool"; }
  std::span<const MetricDescriptor> metrics() const override { return Metrics(); }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  const RunQueue& queue_;
  const Spool& spool_;
  const Clock& clock_;
};

}  // namespace ronda::agent
