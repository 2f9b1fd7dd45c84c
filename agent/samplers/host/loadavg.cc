#include "agent/samplers/host/loadavg.h"

#include <algorithm>

#include "agent/samplers/host/text.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_load1", MetricType::kGauge, "", "", "Load average over 1 minute."},
    {"node_load5", MetricType::kGauge, "", "", "Load average over 5 minutes."},
    {"node_load15", MetricType::kGauge, "", "", "Load average over 15 minutes."},
    {"ronda_threads", MetricType::kGauge, "", "",
     "Threads of all processes; each takes one of ronda_pids_limit."},
    {"ronda_pids_limit", MetricType::kGauge, "", "",
     "PIDs that may exist: the smaller of kernel.pid_max and kernel.threads-max."},
};
constexpr size_t kLoads = 3;
constexpr size_t kThreads = 3;
constexpr size_t kLimit = 4;

}  // namespace

LoadavgSampler::LoadavgSampler(const std::string& procfs)
    : loadavg_(procfs + "/loadavg"),
      pid_max_(procfs + "/sys/kernel/pid_max"),
      threads_max_(procfs + "/sys/kernel/threads-max"),
      series_(kMetrics) {}

std::span<const MetricDescriptor> LoadavgSampler::metrics() const { return kMetrics; }

absl::Status LoadavgSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  if (absl::Status status = loadavg_.Read(&text); !status.ok()) {
    return status;
  }
  std::string_view line = TakeLine(&text);
  for (size_t i = 0; i < kLoads; ++i) {
    const std::string_view field = TakeField(&line);
    double load = 0;
    if (!ParseDecimal(field, &load)) {
      return BadField(loadavg_.path(), kMetrics[i].name, field);
    }
    series_.Set(table, i, load);
  }
  // "2/713": runnable and all.
  const std::string_view tasks = TakeField(&line);
  const size_t slash = tasks.find('/');
  uint64_t threads = 0;
  if (slash == std::string_view::npos || !ParseUint(tasks.substr(slash + 1), &threads)) {
    return BadField(loadavg_.path(), "threads", tasks);
  }
  series_.Set(table, kThreads, static_cast<double>(threads));

  std::string_view pid_max_text;
  std::string_view threads_max_text;
  if (pid_max_.TryRead(&pid_max_text) == 0 && threads_max_.TryRead(&threads_max_text) == 0) {
    uint64_t pid_max = 0;
    uint64_t threads_max = 0;
    if (!ParseUint(Trim(pid_max_text), &pid_max)) {
      return BadField(pid_max_.path(), "pid_max", pid_max_text);
    }
    if (!ParseUint(Trim(threads_max_text), &threads_max)) {
      return BadField(threads_max_.path(), "threads-max", threads_max_text);
    }
    series_.Set(table, kLimit, static_cast<double>(std::min(pid_max, threads_max)));
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
