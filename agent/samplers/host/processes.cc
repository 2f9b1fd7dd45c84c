#include "agent/samplers/host/processes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_processes_pids", MetricType::kGauge, "", "", "Processes that exist."},
    {"node_processes_threads", MetricType::kGauge, "", "", "Threads of all processes."},
    {"node_processes_max_processes", MetricType::kGauge, "", "",
     "PIDs that there may be (kernel.pid_max)."},
    {"node_processes_max_threads", MetricType::kGauge, "", "",
     "Threads that there may be (kernel.threads-max)."},
    {"node_processes_state", MetricType::kGauge, "", "state", "Processes in the state."},
};
enum Metric : size_t { kPids, kThreads, kMaxProcesses, kMaxThreads, kState };

// Longer than any line of /proc/[pid]/stat: 52 numbers and a name of up to 64 bytes.
constexpr size_t kMaxLine = 2048;
// num_threads is the 20th field; the state is the 3rd (proc(5)).
constexpr int kFieldsBetween = 16;

// A series that comes later changes the schema, which is long: these are there from the start.
constexpr std::string_view kUsualStates = "DIRSTZ";

bool IsPid(const char* name) { return name[0] >= '1' && name[0] <= '9'; }

}  // namespace

ProcessesSampler::ProcessesSampler(std::string procfs)
    : procfs_(std::move(procfs)),
      pid_max_(procfs_ + "/sys/kernel/pid_max"),
      threads_max_(procfs_ + "/sys/kernel/threads-max"),
      series_(kMetrics) {
  for (const char state : kUsualStates) {
    seen_[static_cast<size_t>(state - 'A')] = true;
  }
}

ProcessesSampler::~ProcessesSampler() {
  if (folder_ != nullptr) {
    closedir(folder_);
  }
}

std::span<const MetricDescriptor> ProcessesSampler::metrics() const { return kMetrics; }

absl::Status ProcessesSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  Totals totals;
  RONDA_RETURN_IF_ERROR(Walk(&totals));
  series_.Set(table, kPids, static_cast<double>(totals.processes));
  series_.Set(table, kThreads, static_cast<double>(totals.threads));
  for (size_t i = 0; i < seen_.size(); ++i) {
    seen_[i] = seen_[i] || totals.by_state[i] > 0;
    if (seen_[i]) {
      const char state = static_cast<char>('A' + i);
      table.Set(table.Declare(kMetrics[kState], {std::string_view(&state, 1)}),
                static_cast<double>(totals.by_state[i]));
    }
  }
  RONDA_RETURN_IF_ERROR(SetLimit(pid_max_, kMaxProcesses, table));
  return SetLimit(threads_max_, kMaxThreads, table);
}

absl::Status ProcessesSampler::Walk(Totals* totals) {
  if (folder_ == nullptr) {
    folder_ = opendir(procfs_.c_str());
    if (folder_ == nullptr) {
      return ErrnoStatus(errno, "opening " + procfs_);
    }
  }
  rewinddir(folder_);
  errno = 0;
  while (const dirent* entry = readdir(folder_)) {
    if (IsPid(entry->d_name)) {
      RONDA_RETURN_IF_ERROR(AddProcess(entry->d_name, totals));
    }
    errno = 0;
  }
  return errno == 0 ? absl::OkStatus() : ErrnoStatus(errno, "reading " + procfs_);
}

// "42 (a name) S 1 ...": the name may hold anything, also blanks and brackets. A process that has
// ended since it was listed, or that hides itself (hidepid), is left out.
absl::Status ProcessesSampler::AddProcess(const char* pid, Totals* totals) const {
  char path[64];
  const size_t length = std::min(std::string_view(pid).size(), sizeof(path) - sizeof("/stat"));
  std::copy_n(pid, length, path);
  std::copy_n("/stat", sizeof("/stat"), path + length);
  const int fd = openat(dirfd(folder_), path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::OkStatus();
  }
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  char buffer[kMaxLine];
  const ssize_t n = read(fd, buffer, sizeof(buffer));
  if (n <= 0) {
    return absl::OkStatus();
  }
  std::string_view line(buffer, static_cast<size_t>(n));
  const size_t name_end = line.rfind(')');
  line.remove_prefix(name_end == std::string_view::npos ? line.size() : name_end + 1);
  const std::string_view state = TakeField(&line);
  for (int i = 0; i < kFieldsBetween; ++i) {
    TakeField(&line);
  }
  const std::string_view threads = TakeField(&line);
  uint64_t count = 0;
  if (state.size() != 1 || !ParseUint(threads, &count)) {
    return BadField(procfs_ + "/" + path, "num_threads", threads);
  }
  // 'x', 'X' and the like of old kernels are one state: dead.
  const char letter =
      state[0] >= 'a' && state[0] <= 'z' ? static_cast<char>(state[0] - 32) : state[0];
  if (letter >= 'A' && letter <= 'Z') {
    ++totals->by_state[static_cast<size_t>(letter - 'A')];
  }
  ++totals->processes;
  totals->threads += count;
  return absl::OkStatus();
}

absl::Status ProcessesSampler::SetLimit(ProcFile& file, size_t metric, SeriesTable& table) {
  std::string_view text;
  if (file.TryRead(&text) != 0) {
    return absl::OkStatus();
  }
  uint64_t limit = 0;
  if (!ParseUint(Trim(text), &limit)) {
    return BadField(file.path(), kMetrics[metric].name, text);
  }
  series_.Set(table, metric, static_cast<double>(limit));
  return absl::OkStatus();
}

}  // namespace ronda::agent
