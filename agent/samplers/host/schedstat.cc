#include "agent/samplers/host/schedstat.h"

#include <memory>
#include <vector>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

// Columns 7 to 9 of the cpu lines (Documentation/scheduler/sched-stats.rst).
constexpr MetricDescriptor kMetrics[] = {
    {"node_schedstat_running_seconds_total", MetricType::kCounter, "seconds", "cpu",
     "Time tasks ran on the CPU."},
    {"node_schedstat_waiting_seconds_total", MetricType::kCounter, "seconds", "cpu",
     "Time tasks waited to run on the CPU."},
    {"node_schedstat_timeslices_total", MetricType::kCounter, "", "cpu",
     "Timeslices that ran on the CPU."},
};
constexpr std::string_view kColumnNames[] = {"running", "waiting", "timeslices"};
constexpr size_t kSkipped = 6;
constexpr size_t kColumns = 3;
constexpr double kNanosecondsPerSecond = 1e9;

}  // namespace

SchedstatSampler::SchedstatSampler(const std::string& procfs) : file_(procfs + "/schedstat") {}

std::span<const MetricDescriptor> SchedstatSampler::metrics() const { return kMetrics; }

absl::Status SchedstatSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  const absl::Status status = file_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // CONFIG_SCHEDSTATS is off
  }
  RONDA_RETURN_IF_ERROR(status);
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const std::string_view key = TakeField(&line);
    if (!key.starts_with("cpu")) {
      continue;
    }
    const std::string_view cpu = key.substr(3);
    SeriesSet* series = cpus_.Find(cpu);
    if (series == nullptr) {
      series = cpus_.Add(
          cpu, std::make_unique<SeriesSet>(kMetrics, std::vector<std::string>{std::string(cpu)}));
    }
    for (size_t i = 0; i < kSkipped; ++i) {
      TakeField(&line);
    }
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string_view field = TakeField(&line);
      uint64_t value = 0;
      if (!ParseUint(field, &value)) {
        return BadField(file_.path(), kColumnNames[i], field);
      }
      const bool is_time = kMetrics[i].unit == "seconds";
      series->Set(table, i,
                  is_time ? static_cast<double>(value) / kNanosecondsPerSecond
                          : static_cast<double>(value));
    }
  }
  cpus_.EndRun();
  return absl::OkStatus();
}

}  // namespace ronda::agent
