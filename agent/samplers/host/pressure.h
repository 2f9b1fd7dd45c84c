// /proc/pressure: time lost waiting for CPU, memory and I/O (PSI).
#pragma once

#include <cstddef>
#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class PressureSampler : public Sampler {
 public:
  explicit PressureSampler(const std::string& procfs);

  std::string_view name() const override { return "pressure"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  absl::Status SampleFile(ProcFile& file, size_t some, size_t full, SeriesTable& table);

  ProcFile cpu_;
  ProcFile io_;
  ProcFile memory_;
  ProcFile irq_;
  SeriesSet series_;
};

}  // namespace ronda::agent
