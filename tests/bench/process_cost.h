// What a running process costs: CPU time by the scheduler's own account, and memory.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace ronda::bench {

struct ProcessCost {
  double cpu_ms = 0;   // of all its threads since it started
  double rss_mib = 0;  // VmRSS
  double pss_mib = 0;  // its share of what it shares
};

// Zeros if the process is gone. CPU comes from /proc/PID/task/*/schedstat (nanoseconds), since
// utime and stime count in steps of 10 ms. Threads that ended meanwhile are not in it: sample
// processes whose threads stay.
ProcessCost CostOf(pid_t pid);

// CPU seconds of all threads since the start, those that ended included; also of a child that ended
// and was not waited for yet. 0 if there is no such process.
double CpuSecondsOf(pid_t pid);
// The most memory it has held so far (VmHWM).
double PeakRssMibOf(pid_t pid);
// CPU seconds of this process so far, and of this thread.
double OwnCpuSeconds();
double OwnThreadCpuSeconds();

}  // namespace ronda::bench
