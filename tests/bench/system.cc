#include "tests/bench/system.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "common/base/status.h"
#include "tests/bench/process_cost.h"

namespace ronda::bench {

namespace fs = std::filesystem;

absl::Status System::StartProcess(const std::vector<std::string>& argv, const std::string& log) {
  if (!process_.Start(argv, log)) {
    return Fail(absl::StatusCode::kInternal, "starting {}", argv.front());
  }
  cpu_before_ = 0;
  return absl::OkStatus();
}

absl::Status System::WaitUntil(absl::FunctionRef<bool()> ready) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!ready()) {
    if (!process_.running()) {
      return Fail(absl::StatusCode::kInternal, "{} ended at once: see its log", name());
    }
    if (std::chrono::steady_clock::now() > until) {
      return Fail(absl::StatusCode::kDeadlineExceeded, "{} is not ready after 5 minutes", name());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return absl::OkStatus();
}

absl::StatusOr<Answer> System::Query(const PromQuery&) {
  return Fail(absl::StatusCode::kUnimplemented, "{} is not asked over HTTP", name());
}

void System::TakeCost() {
  if (process_.pid() > 0) {
    cpu_seconds_ += CpuSecondsOf(process_.pid()) - cpu_before_;
    cpu_before_ = 0;
  }
}

absl::Status System::Stop() {
  if (!process_.running()) {
    return absl::OkStatus();
  }
  const pid_t pid = process_.pid();
  peak_rss_mib_ = peak_rss_mib();
  Disconnect();
  process_.Signal(SIGTERM);
  // Its account is complete once it has ended, and there until it is waited for.
  const bool ended = Eventually(120'000, [pid] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid;
  });
  TakeCost();
  if (!ended) {
    process_.Kill();
    return Fail(absl::StatusCode::kDeadlineExceeded, "{} does not stop", name());
  }
  const int exit_code = process_.Wait(1000);
  // Prometheus and VictoriaMetrics end with 0 as well.
  return exit_code == 0 ? absl::OkStatus()
                        : Fail(absl::StatusCode::kInternal, "{} ended with {}", name(), exit_code);
}

void System::Kill() {
  peak_rss_mib_ = peak_rss_mib();
  if (process_.running()) {
    TakeCost();
    process_.Kill();
  }
}

double System::cpu_seconds() const {
  const pid_t pid = process_.pid();
  return cpu_seconds_ + (pid > 0 ? CpuSecondsOf(pid) - cpu_before_ : 0);
}

double System::peak_rss_mib() const {
  const pid_t pid = process_.pid();
  return std::max(peak_rss_mib_, pid > 0 ? PeakRssMibOf(pid) : 0);
}

void System::ResetCost() {
  cpu_seconds_ = 0;
  peak_rss_mib_ = 0;
  cpu_before_ = process_.pid() > 0 ? CpuSecondsOf(process_.pid()) : 0;
}

void System::AddCost(double cpu_seconds, double peak_rss_mib) {
  cpu_seconds_ += cpu_seconds;
  peak_rss_mib_ = std::max(peak_rss_mib_, peak_rss_mib);
}

int64_t BytesBelow(const std::string& path, const std::string& without) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; at != end; at.increment(error)) {
    if (!without.empty() && at->is_directory(error) && at->path().filename() == without) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(error)) {
      bytes += static_cast<int64_t>(at->file_size(error));
    }
  }
  return bytes;
}

}  // namespace ronda::bench
