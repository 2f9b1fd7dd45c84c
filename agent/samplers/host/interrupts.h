// /proc/interrupts: how often each interrupt came, by CPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"

namespace ronda::agent {

// Rows times CPUs can be tens of thousands on a large machine: rows beyond kMaxSeries are left out,
// whole and in the file's order, and counted in ronda_interrupts_left_out.
class InterruptsSampler : public Sampler {
 public:
  static constexpr size_t kMaxSeries = 512;

  explicit InterruptsSampler(const std::string& procfs);
  ~InterruptsSampler() override;

  std::string_view name() const override { return "interrupts"; }
  std::span<const MetricDescriptor> metrics() const override;
  int interval_s() const override { return 5; }
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Row;  // an interrupt

  void LearnCpus(std::string_view header);
  absl::Status SampleRow(std::string_view line, SeriesTable& table);
  bool ParseCounts(std::string_view* line);

  ProcFile file_;
  SeriesSet own_;
  std::string header_;
  std::vector<std::string> cpus_;  // their numbers, by column
  DeviceMap<Row> rows_;
  std::vector<uint64_t> counts_;  // of the row at hand
  size_t room_ = 0;
  size_t left_out_ = 0;
};

}  // namespace ronda::agent
