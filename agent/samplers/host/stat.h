// /proc/stat: processors, interrupts, context switches, processes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

// One sampler for what other exporters call cpu and stat: rendering /proc/stat is among the dearest
// things the kernel is asked for each second (it sums all interrupts), so it is read once.
class StatSampler : public Sampler {
 public:
  explicit StatSampler(const std::string& procfs);

  std::string_view name() const override { return "stat"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  // user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice; in clock ticks.
  static constexpr size_t kFields = 10;
  using Ticks = std::array<uint64_t, kFields>;

  struct Cpu {
    Ticks ticks{};
    uint64_t run = 0;  // in which `ticks` were read; 0: never
    uint64_t generation = 0;
    std::array<SeriesRef, kFields> seconds{};
    SeriesRef usage = kNoSeries;
  };

  absl::Status SampleCpu(std::string_view cpu_name, std::string_view line, SeriesTable& table);
  absl::Status ParseTicks(std::string_view cpu_name, std::string_view line, Ticks* ticks) const;
  void DeclareCpu(std::string_view number, Cpu& cpu, SeriesTable& table);
  // Takes over `now`; the share of busy time since the run before goes to cpu.usage.
  void Update(const Ticks& now, Cpu& cpu, SeriesTable& table);

  ProcFile file_;
  SeriesSet series_;
  Cpu total_;
  std::vector<Cpu> cpus_;  // by number
  uint64_t run_ = 0;
};

}  // namespace ronda::agent
