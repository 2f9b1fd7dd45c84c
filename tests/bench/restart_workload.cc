// ronda-bench restart: how long a collector takes to answer again, with a week of a fleet's
// history.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "tests/bench/bench_set.h"
#include "tests/bench/history_fill.h"
#include "tests/bench/workloads.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

constexpr int64_t kHourMs = 3'600'000;
// The end of the history comes each second, so that journal and level 0 are as they would be.
constexpr int64_t kFullRateMs = 3 * kHourMs;

// Ends this process as a kill -9 would, with the journal as it is then.
absl::Status FillAndDie(const std::string& data_dir, const RestartWorkload& workload) {
  SetOptions options;
  options.seconds = workload.hours * 3'600;
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewBenchSet("fleet", options));
  set.nodes = workload.nodes;
  FakeClock clock;
  clock.Jump(SystemClock().NowMs() - workload.hours * kHourMs - clock.NowMs());
  set.start_ms = clock.NowMs() / 1000 * 1000;
  store::Store::Options store_options;
  store_options.dir = data_dir;
  store_options.manual_seal = true;
  store_options.commit_interval_ms = 0;
  RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::Open(store_options, clock));
  HistoryFill fill(set, store.get(), &clock);
  const int64_t full_rate_ms = std::min(kFullRateMs, workload.hours * kHourMs);
  const int64_t slow_ms = workload.hours * kHourMs - full_rate_ms;
  RONDA_RETURN_IF_ERROR(fill.Append(slow_ms / workload.interval_ms, workload.interval_ms));
  RONDA_RETURN_IF_ERROR(fill.Append(full_rate_ms / 1000, 1000));
  fmt::print("{}\n", fill.ticks() * static_cast<int64_t>(set.nodes * set.series()));
  std::fflush(stdout);
  raise(SIGKILL);
  return absl::OkStatus();
}

absl::Status Run(const RestartWorkload& workload) {
  const TempDir temporary;
  const std::string dir = workload.data.empty() ? temporary.path() : workload.data;
  const std::string data_dir = dir + "/ronda/data";  // where NewRonda() has it
  std::filesystem::create_directories(dir + "/ronda");
  const Output filled = RunProgram(
      {std::filesystem::read_symlink("/proc/self/exe").string(), "restart-fill", data_dir,
       "--nodes", std::to_string(workload.nodes), "--hours", std::to_string(workload.hours),
       "--interval-ms", std::to_string(workload.interval_ms)},
      int64_t{12} * kHourMs);
  const int64_t samples = std::strtoll(filled.out.c_str(), nullptr, 10);
  if (samples <= 0) {
    return Fail(absl::StatusCode::kInternal, "filling {}: {}", data_dir, filled.err);
  }
  const std::unique_ptr<System> system = NewRonda(dir, false);
  const auto seconds_of = [](auto work, double* seconds) {
    const auto start = std::chrono::steady_clock::now();
    absl::Status status = work();
    *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return status;
  };
  double after_kill = 0;
  double after_stop = 0;
  RONDA_RETURN_IF_ERROR(seconds_of([&] { return system->Start(); }, &after_kill));
  RONDA_RETURN_IF_ERROR(system->Stop());
  RONDA_RETURN_IF_ERROR(seconds_of([&] { return system->Start(); }, &after_stop));
  // As a chart asks: at whole steps.
  constexpr int64_t kStepMs = 600'000;
  const int64_t end_ms = SystemClock().NowMs() / kStepMs * kStepMs;
  const ReadQuery query{"all", "node_load1", end_ms - workload.hours * kHourMs, end_ms, kStepMs};
  RONDA_ASSIGN_OR_RETURN(const Answer answer, system->Read(query));
  RONDA_ASSIGN_OR_RETURN(const DiskUse disk, system->Disk());
  RONDA_RETURN_IF_ERROR(system->Stop());
  const nlohmann::json line = {{"workload", "restart"},
                               {"nodes", workload.nodes},
                               {"hours", workload.hours},
                               {"interval_ms", workload.interval_ms},
                               {"samples", samples},
                               {"history_mib", static_cast<double>(disk.total_bytes) / (1 << 20)},
                               {"reopen_after_kill_seconds", after_kill},
                               {"reopen_seconds", after_stop},
                               {"first_query_ms", answer.ms},
                               {"first_query_points", answer.points}};
  fmt::print(
      "{} nodes, {} h, {} samples, {:.0f} MiB\n  after kill -9 it answers in {:.3f} s, after "
      "a stop in {:.3f} s; the first query, over all of it, takes {:.0f} ms ({} points)\n",
      workload.nodes, workload.hours, samples, static_cast<double>(disk.total_bytes) / (1 << 20),
      after_kill, after_stop, answer.ms, answer.points);
  fmt::print("{}\n", line.dump());
  return absl::OkStatus();
}

int Report(const absl::Status& status) {
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench restart: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace

int RunRestart(const RestartWorkload& workload) { return Report(Run(workload)); }

int RunRestartFill(const std::string& data_dir, const RestartWorkload& workload) {
  return Report(FillAndDie(data_dir, workload));
}

}  // namespace ronda::bench
