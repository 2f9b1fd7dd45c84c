#include "agent/samplers/host/own_process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"process_cpu_seconds_total", MetricType::kCounter, "seconds", "",
     "CPU time that the agent has used."},
    {"process_open_fds", MetricType::kGauge, "", "", "Files that the agent has open."},
    {"process_max_fds", MetricType::kGauge, "", "", "Files that the agent may have open."},
    {"process_virtual_memory_bytes", MetricType::kGauge, "bytes", "",
     "Virtual memory of the agent."},
    {"process_virtual_memory_max_bytes", MetricType::kGauge, "bytes", "",
     "Virtual memory that the agent may have."},
    {"process_resident_memory_bytes", MetricType::kGauge, "bytes", "",
     "Resident memory of the agent."},
    {"process_start_time_seconds", MetricType::kGauge, "seconds", "",
     "When the agent started, in seconds since 1970."},
};
enum Metric : size_t { kCpu, kOpenFds, kMaxFds, kVirtual, kVirtualMax, kResident, kStart };

// Fields of /proc/[pid]/stat after the name, from 0 (proc(5) counts the state as 3).
enum Field : size_t { kUtime = 11, kStime = 12, kStartTicks = 19, kVsize = 20, kRss = 21, kFields };

// "." and ".." and the descriptor that reads the folder.
constexpr int kNotCounted = 3;

double TicksToSeconds(uint64_t ticks) {
  return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

OwnProcessSampler::OwnProcessSampler(std::string procfs)
    : procfs_(std::move(procfs)),
      stat_(procfs_ + "/self/stat"),
      boot_(procfs_ + "/stat"),
      series_(kMetrics) {}

OwnProcessSampler::~OwnProcessSampler() {
  if (files_ != nullptr) {
    closedir(files_);
  }
}

std::span<const MetricDescriptor> OwnProcessSampler::metrics() const { return kMetrics; }

absl::Status OwnProcessSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  RONDA_RETURN_IF_ERROR(SampleStat(table));
  SetLimits(table);
  return SetOpenFiles(table);
}

absl::Status OwnProcessSampler::SampleStat(SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(stat_.Read(&text));
  std::string_view line = TakeLine(&text);
  const size_t name_end = line.rfind(')');
  line.remove_prefix(name_end == std::string_view::npos ? line.size() : name_end + 1);
  std::array<uint64_t, kFields> fields{};
  for (size_t i = 0; i < kFields; ++i) {
    const std::string_view field = TakeField(&line);
    if (!ParseUint(field, &fields[i]) && (i >= kStartTicks || i == kUtime || i == kStime)) {
      return BadField(stat_.path(), "after the name", field);
    }
  }
  series_.Set(table, kCpu, TicksToSeconds(fields[kUtime] + fields[kStime]));
  series_.Set(table, kVirtual, static_cast<double>(fields[kVsize]));
  series_.Set(table, kResident,
              static_cast<double>(fields[kRss]) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  return SetStartTime(fields[kStartTicks], table);
}

absl::Status OwnProcessSampler::SetStartTime(uint64_t start_ticks, SeriesTable& table) {
  constexpr std::string_view kBootTime = "\nbtime ";
  std::string_view text;
  RONDA_RETURN_IF_ERROR(boot_.Read(&text));
  const size_t at = text.find(kBootTime);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + kBootTime.size());
  const std::string_view field = TakeLine(&text);
  uint64_t boot_s = 0;
  if (!ParseUint(field, &boot_s)) {
    return BadField(boot_.path(), "btime", field);
  }
  series_.Set(table, kStart, static_cast<double>(boot_s) + TicksToSeconds(start_ticks));
  return absl::OkStatus();
}

void OwnProcessSampler::SetLimits(SeriesTable& table) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    series_.Set(table, kMaxFds, static_cast<double>(limit.rlim_cur));
  }
  if (getrlimit(RLIMIT_AS, &limit) == 0) {
    series_.Set(table, kVirtualMax, static_cast<double>(limit.rlim_cur));
  }
}

absl::Status OwnProcessSampler::SetOpenFiles(SeriesTable& table) {
  if (files_ == nullptr) {
    const std::string path = procfs_ + "/self/fd";
    files_ = opendir(path.c_str());
    if (files_ == nullptr) {
      return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, "opening " + path);
    }
  }
  rewinddir(files_);
  int entries = 0;
  while (readdir(files_) != nullptr) {
    ++entries;
  }
  series_.Set(table, kOpenFds, entries - kNotCounted);
  return absl::OkStatus();
}

}  // namespace ronda::agent
