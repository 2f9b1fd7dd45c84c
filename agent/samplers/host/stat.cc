#include "agent/samplers/host/stat.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kSeconds = {"node_cpu_seconds_total", MetricType::kCounter, "seconds",
                                       "cpu,mode", "Time the CPU spent in each mode."};
constexpr MetricDescriptor kGuestSeconds = {
    "node_cpu_guest_seconds_total", MetricType::kCounter, "seconds", "cpu,mode",
    "Time the CPU spent running virtual machines; it is part of user and nice."};
constexpr MetricDescriptor kCoreUsage = {
    "ronda_cpu_core_usage_percent", MetricType::kGauge, "percent", "cpu",
    "Share of time since the last sample in which the CPU was neither idle nor waiting for I/O."};

constexpr MetricDescriptor kMetrics[] = {
    {"node_intr_total", MetricType::kCounter, "", "", "Interrupts served."},
    {"node_context_switches_total", MetricType::kCounter, "", "", "Context switches."},
    {"node_boot_time_seconds", MetricType::kGauge, "seconds", "", "When the kernel booted."},
    {"node_forks_total", MetricType::kCounter, "", "", "Processes and threads created."},
    {"node_procs_running", MetricType::kGauge, "", "", "Tasks that could run."},
    {"node_procs_blocked", MetricType::kGauge, "", "", "Tasks that wait for I/O."},
    {"ronda_cpu_usage_percent", MetricType::kGauge, "percent", "",
     "Share of the time of all CPUs since the last sample that was neither idle nor waiting for "
     "I/O."},
    kSeconds,
    kGuestSeconds,
    kCoreUsage,
};
// The lines of the first metrics above.
constexpr std::string_view kLines[] = {"intr",      "ctxt",          "btime",
                                       "processes", "procs_running", "procs_blocked"};
constexpr size_t kTotalUsage = std::size(kLines);

enum Field { kUser, kNice, kSystem, kIdle, kIowait, kIrq, kSoftirq, kSteal, kGuest, kGuestNice };
constexpr std::string_view kModes[] = {"user", "nice",    "system", "idle", "iowait",
                                       "irq",  "softirq", "steal",  "user", "nice"};
constexpr std::string_view kFieldNames[] = {"user", "nice",    "system", "idle",  "iowait",
                                            "irq",  "softirq", "steal",  "guest", "guest_nice"};
// What every kernel has.
constexpr size_t kFieldsRequired = 4;
// Beyond, a CPU number is not believed.
constexpr uint64_t kMaxCpus = 8192;

// USER_HZ (proc(5)), not the kernel's own HZ.
const double kTicksPerSecond = static_cast<double>(sysconf(_SC_CLK_TCK));

// The kernel's idle and iowait may step back by a few ticks (get_cpu_idle_time_us() is read without
// a lock); a counter must not. A step of more than this many seconds means that the CPU was taken
// offline and came back with fresh counters.
constexpr double kResetSeconds = 3;

}  // namespace

StatSampler::StatSampler(const std::string& procfs) : file_(procfs + "/stat"), series_(kMetrics) {}

std::span<const MetricDescriptor> StatSampler::metrics() const { return kMetrics; }

absl::Status StatSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  if (absl::Status status = file_.Read(&text); !status.ok()) {
    return status;
  }
  ++run_;
  if (!text.starts_with("cpu ")) {
    return Fail(absl::StatusCode::kDataLoss, "reading {}: the line cpu is missing", file_.path());
  }
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const std::string_view key = TakeField(&line);
    if (key.starts_with("cpu")) {
      if (absl::Status status = SampleCpu(key, line, table); !status.ok()) {
        return status;
      }
      continue;
    }
    const auto* const known = std::find(std::begin(kLines), std::end(kLines), key);
    if (known == std::end(kLines)) {
      continue;
    }
    const std::string_view number = TakeField(&line);
    uint64_t value = 0;
    if (!ParseUint(number, &value)) {
      return BadField(file_.path(), key, number);
    }
    series_.Set(table, static_cast<size_t>(known - kLines), static_cast<double>(value));
  }
  return absl::OkStatus();
}

absl::Status StatSampler::SampleCpu(std::string_view cpu_name, std::string_view line,
                                    SeriesTable& table) {
  Ticks now{};
  if (absl::Status status = ParseTicks(cpu_name, line, &now); !status.ok()) {
    return status;
  }
  const std::string_view number = cpu_name.substr(3);
  if (number.empty()) {
    Update(now, total_, table);
    return absl::OkStatus();
  }
  uint64_t index = 0;
  if (!ParseUint(number, &index) || index >= kMaxCpus) {
    return BadField(file_.path(), "cpu", cpu_name);
  }
  if (index >= cpus_.size()) {
    cpus_.resize(index + 1);
  }
  Cpu& cpu = cpus_[index];
  if (cpu.generation != table.generation()) {
    DeclareCpu(number, cpu, table);
  }
  Update(now, cpu, table);
  return absl::OkStatus();
}

absl::Status StatSampler::ParseTicks(std::string_view cpu_name, std::string_view line,
                                     Ticks* ticks) const {
  for (size_t i = 0; i < kFields; ++i) {
    const std::string_view field = TakeField(&line);
    if (field.empty() && i >= kFieldsRequired) {
      break;
    }
    if (!ParseUint(field, &(*ticks)[i])) {
      return BadField(file_.path(), std::string(cpu_name) + " " + std::string(kFieldNames[i]),
                      field);
    }
  }
  return absl::OkStatus();
}

void StatSampler::DeclareCpu(std::string_view number, Cpu& cpu, SeriesTable& table) {
  for (size_t i = 0; i < kFields; ++i) {
    cpu.seconds[i] = table.Declare(i < kGuest ? kSeconds : kGuestSeconds, {number, kModes[i]});
  }
  cpu.usage = table.Declare(kCoreUsage, {number});
  cpu.generation = table.generation();
}

void StatSampler::Update(const Ticks& now, Cpu& cpu, SeriesTable& table) {
  const Ticks before = cpu.ticks;
  const bool reset = static_cast<double>(now[kIdle]) + kResetSeconds * kTicksPerSecond <
                     static_cast<double>(before[kIdle]);
  const bool comparable = cpu.run != 0 && cpu.run + 1 == run_ && !reset;
  for (size_t i = 0; i < kFields; ++i) {
    cpu.ticks[i] = reset ? now[i] : std::max(now[i], before[i]);
  }
  cpu.run = run_;
  const bool is_total = &cpu == &total_;
  if (!is_total) {
    for (size_t i = 0; i < kFields; ++i) {
      table.Set(cpu.seconds[i], static_cast<double>(cpu.ticks[i]) / kTicksPerSecond);
    }
  }
  uint64_t all = 0;
  for (size_t i = kUser; i <= kSteal; ++i) {  // guest is part of user
    all += cpu.ticks[i] - before[i];
  }
  if (!comparable || all == 0) {
    return;
  }
  const uint64_t idle = cpu.ticks[kIdle] - before[kIdle] + cpu.ticks[kIowait] - before[kIowait];
  const double usage = Round2(100.0 * static_cast<double>(all - idle) / static_cast<double>(all));
  if (is_total) {
    series_.Set(table, kTotalUsage, usage);
  } else {
    table.Set(cpu.usage, usage);
  }
}

}  // namespace ronda::agent
