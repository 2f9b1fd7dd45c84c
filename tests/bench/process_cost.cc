#include "tests/bench/process_cost.h"

#include <ctime>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/files.h"

namespace ronda::bench {
namespace {

double KibField(const std::string& path, const std::string& field) {
  std::ifstream in(path);
  std::string word;
  while (in >> word) {
    if (word == field) {
      double kib = 0;
      in >> kib;
      return kib;
    }
  }
  return 0;
}

double SecondsOf(clockid_t clock) {
  timespec time{};
  return clock_gettime(clock, &time) == 0
             ? static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9
             : 0;
}

}  // namespace

ProcessCost CostOf(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  ProcessCost cost;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc + "/task", gone)) {
    const auto text = ReadFile(task.path().string() + "/schedstat");
    if (text.ok()) {
      cost.cpu_ms += static_cast<double>(std::strtoull(text->c_str(), nullptr, 10)) / 1e6;
    }
  }
  cost.rss_mib = KibField(proc + "/status", "VmRSS:") / 1024;
  cost.pss_mib = KibField(proc + "/smaps_rollup", "Pss:") / 1024;
  return cost;
}

double CpuSecondsOf(pid_t pid) {
  clockid_t clock = 0;
  return clock_getcpuclockid(pid, &clock) == 0 ? SecondsOf(clock) : 0;
}

double PeakRssMibOf(pid_t pid) {
  return KibField("/proc/" + std::to_string(pid) + "/status", "VmHWM:") / 1024;
}

double OwnCpuSeconds() { return SecondsOf(CLOCK_PROCESS_CPUTIME_ID); }
double OwnThreadCpuSeconds() { return SecondsOf(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace ronda::bench
