#include "agent/samplers/host/pressure.h"

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

// Documentation/accounting/psi.rst: "some" is waiting, "full" is stalled.
constexpr MetricDescriptor kMetrics[] = {
    {"node_pressure_cpu_waiting_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which some task waited for a CPU."},
    {"node_pressure_io_waiting_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which some task waited for I/O."},
    {"node_pressure_io_stalled_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which all tasks that had work waited for I/O."},
    {"node_pressure_memory_waiting_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which some task waited for memory."},
    {"node_pressure_memory_stalled_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which all tasks that had work waited for memory."},
    {"node_pressure_irq_stalled_seconds_total", MetricType::kCounter, "seconds", "",
     "Time in which tasks that had work waited for interrupts to be served."},
};
enum Metric : size_t { kCpuSome, kIoSome, kIoFull, kMemorySome, kMemoryFull, kIrqFull, kNone };

}  // namespace

PressureSampler::PressureSampler(const std::string& procfs)
    : cpu_(procfs + "/pressure/cpu"),
      io_(procfs + "/pressure/io"),
      memory_(procfs + "/pressure/memory"),
      irq_(procfs + "/pressure/irq"),
      series_(kMetrics) {}

std::span<const MetricDescriptor> PressureSampler::metrics() const { return kMetrics; }

absl::Status PressureSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  // A CPU cannot be stalled system-wide: the kernel's "full" line there is always 0.
  RONDA_RETURN_IF_ERROR(SampleFile(cpu_, kCpuSome, kNone, table));
  RONDA_RETURN_IF_ERROR(SampleFile(io_, kIoSome, kIoFull, table));
  RONDA_RETURN_IF_ERROR(SampleFile(memory_, kMemorySome, kMemoryFull, table));
  // Since Linux 6.1, where the kernel accounts for the time of interrupts.
  return SampleFile(irq_, kNone, kIrqFull, table);
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=12015747", microseconds; then "full ...".
absl::Status PressureSampler::SampleFile(ProcFile& file, size_t some, size_t full,
                                         SeriesTable& table) {
  std::string_view text;
  const absl::Status status = file.Read(&text);
  // Not built in, or switched off by psi=0 (EOPNOTSUPP).
  if (absl::IsNotFound(status) || absl::IsUnimplemented(status)) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(status);
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const std::string_view kind = TakeField(&line);
    const size_t metric = kind == "some" ? some : kind == "full" ? full : size_t{kNone};
    if (metric == kNone) {
      continue;
    }
    constexpr std::string_view kTotal = "total=";
    const size_t at = line.find(kTotal);
    const std::string_view number =
        at == std::string_view::npos ? std::string_view() : line.substr(at + kTotal.size());
    uint64_t us = 0;
    if (!ParseUint(number, &us)) {
      return BadField(file.path(), kind == "some" ? "some total" : "full total", number);
    }
    series_.Set(table, metric, static_cast<double>(us) / 1e6);
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
