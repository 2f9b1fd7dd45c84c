// /proc/[pid]/stat: how many processes and threads there are, and in which states.
#pragma once

#include <dirent.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

// Opens a file for each process, so it runs each 15 s, and less often where that is dear.
class ProcessesSampler : public Sampler {
 public:
  explicit ProcessesSampler(std::string procfs);
  ~ProcessesSampler() override;

  std::string_view name() const override { return "processes"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 15; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Totals {
    uint64_t processes = 0;
    uint64_t threads = 0;
    std::array<uint64_t, 26> by_state{};  // 'A' to 'Z'
  };

  absl::Status Walk(Totals* totals);
  absl::Status AddProcess(const char* pid, Totals* totals) const;
  absl::Status SetLimit(ProcFile& file, size_t metric, SeriesTable& table);

  const std::string procfs_;
  ProcFile pid_max_;
  ProcFile threads_max_;
  SeriesSet series_;
  DIR* folder_ = nullptr;        // kept open: opening it allocates
  std::array<bool, 26> seen_{};  // states that are told: the usual ones, and those that were seen
};

}  // namespace ronda::agent
