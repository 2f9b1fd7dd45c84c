// /proc/net/sockstat and sockstat6: sockets in use, their memory.
#pragma once

#include <string>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"
#include "common/base/strings.h"

namespace ronda::agent {

class SockstatSampler : public Sampler {
 public:
  explicit SockstatSampler(const std::string& procfs);

  std::string_view name() const override { return "sockstat"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  absl::Status SampleFile(ProcFile& file, SeriesTable& table);

  ProcFile sockstat_;
  ProcFile sockstat6_;
  StringMap<int> columns_;  // "TCP_inuse" to its metric
  std::string key_;         // reused
  SeriesSet series_;
};

}  // namespace ronda::agent
