// /proc/self: what the agent itself takes, under the names that every exporter has for it.
#pragma once

#include <dirent.h>

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

class OwnProcessSampler : public Sampler {
 public:
  explicit OwnProcessSampler(std::string procfs);
  ~OwnProcessSampler() override;

  std::string_view name() const override { return "process"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  absl::Status SampleStat(SeriesTable& table);
  absl::Status SetStartTime(uint64_t start_ticks, SeriesTable& table);
  void SetLimits(SeriesTable& table);
  absl::Status SetOpenFiles(SeriesTable& table);

  const std::string procfs_;
  ProcFile stat_;
  ProcFile boot_;
  SeriesSet series_;
  DIR* files_ = nullptr;
};

}  // namespace ronda::agent
