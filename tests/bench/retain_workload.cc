// ronda-bench retain: a fleet's day, and more, into a store of limited size.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "tests/bench/bench_set.h"
#include "tests/bench/history_fill.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHourTicks = 3'600;
constexpr double kMib = 1 << 20;

// Bytes of the files below `dir`, some of which may go while they are counted.
int64_t BytesNow(const std::string& dir) {
  int64_t bytes = 0;
  std::error_code gone;
  for (fs::recursive_directory_iterator it(dir, gone), end; it != end; it.increment(gone)) {
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    bytes += gone ? 0 : static_cast<int64_t>(size);
  }
  return bytes;
}

// The most that a folder and this process have at any moment: looks 50 times a second.
class Peaks {
 public:
  explicit Peaks(std::string dir) : dir_(std::move(dir)), thread_([this] { Watch(); }) {}
  ~Peaks() {
    stop_ = true;
    thread_.join();
  }
  int64_t bytes() const { return bytes_; }
  // Since the last call.
  double TakeRssMib() { return rss_mib_.exchange(0); }

 private:
  void Watch() {
    while (!stop_) {
      bytes_ = std::max<int64_t>(bytes_, BytesNow(dir_));
      rss_mib_ = std::max<double>(rss_mib_, CostOf(getpid()).rss_mib);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  const std::string dir_;
  std::atomic<int64_t> bytes_ = 0;
  std::atomic<double> rss_mib_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// The tick of the oldest sample of the first node that is still there.
absl::StatusOr<int64_t> OldestTick(const store::Store& store, const ScaleSet& set) {
  int64_t first_ms = set.end_ms() + 1000;
  RONDA_RETURN_IF_ERROR(store.Select({Matcher::Equal("node", ScaleSet::NodeName(0)),
                                      Matcher::Equal("__name__", set.schema->metric_of(0).name)},
                                     0, set.end_ms(), [&](const store::SeriesView& view) {
                                       first_ms = std::min(first_ms, view.t_ms.front());
                                       return true;
                                     }));
  return (first_ms - set.start_ms) / 1000;
}

absl::Status Run(const RetainWorkload& workload) {
  const TempDir temporary;
  const std::string dir = workload.data.empty() ? temporary.path() : workload.data;
  SetOptions options;
  options.seconds = workload.hours * kHourTicks;
  options.seed = workload.seed;
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewBenchSet("fleet", options));
  set.nodes = workload.nodes;
  set.start_ms = FakeClock().NowMs() + 1000;
  store::Store::Options store_options;
  store_options.dir = dir + "/data";
  store_options.manual_seal = true;
  store_options.commit_interval_ms = 0;
  store_options.max_history_bytes = int64_t{workload.max_size_mib} << 20;
  FakeClock clock;
  RONDA_ASSIGN_OR_RETURN(const auto store, store::Store::Open(store_options, clock));
  fmt::print("{} nodes x {} series x {} h = {} samples, history limited to {} MiB\n", set.nodes,
             set.series(), workload.hours, set.samples(), workload.max_size_mib);
  HistoryFill fill(set, store.get(), &clock);
  std::vector<double> rss_mib;
  const double cpu_before = OwnCpuSeconds();
  int64_t peak = 0;
  {
    Peaks peaks(store_options.dir + "/history");
    for (int64_t hour = 1; hour <= workload.hours; ++hour) {
      RONDA_RETURN_IF_ERROR(fill.Append(kHourTicks, 1000));
      RONDA_RETURN_IF_ERROR(fill.CheckNewest());
      rss_mib.push_back(peaks.TakeRssMib());
      peak = peaks.bytes();
      const store::StoreStats stats = store->Stats();
      fmt::print(
          "hour {:3}: history now {:7.1f}, at most {:7.1f} MiB; {} files of samples, "
          "roll-ups {:.1f} MiB; RSS at most {:.1f} MiB\n",
          hour, static_cast<double>(BytesNow(store_options.dir + "/history")) / kMib,
          static_cast<double>(peak) / kMib, stats.history_files,
          static_cast<double>(stats.rollup_bytes) / kMib, rss_mib.back());
      std::fflush(stdout);
    }
  }
  const double cpu_seconds = OwnCpuSeconds() - cpu_before;
  RONDA_ASSIGN_OR_RETURN(const int64_t first_tick, OldestTick(*store, set));
  ReadBack read;
  for (const int node : {0, set.nodes / 2, set.nodes - 1}) {
    RONDA_RETURN_IF_ERROR(ReadBackNode(*store, set, node, first_tick, &read));
  }
  const size_t quarter = std::max<size_t>(rss_mib.size() / 4, 1);
  const double early = *std::max_element(
      rss_mib.begin() + static_cast<std::ptrdiff_t>(quarter),
      rss_mib.begin() + static_cast<std::ptrdiff_t>(std::min(2 * quarter, rss_mib.size() - 1) + 1));
  const double late =
      *std::max_element(rss_mib.end() - static_cast<std::ptrdiff_t>(quarter), rss_mib.end());
  const nlohmann::json line = {
      {"workload", "retain"},
      {"nodes", set.nodes},
      {"samples", set.samples()},
      {"max_size_mib", workload.max_size_mib},
      {"history_peak_mib", static_cast<double>(peak) / kMib},
      {"under_max_size", peak <= store_options.max_history_bytes},
      {"dropped_hours", static_cast<double>(first_tick) / kHourTicks},
      {"samples_compared", read.samples},
      {"rss_second_quarter_mib", early},
      {"rss_last_quarter_mib", late},
      {"samples_per_cpu_second", static_cast<double>(set.samples()) / cpu_seconds}};
  fmt::print("{}\n", line.dump());
  return peak <= store_options.max_history_bytes
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kInternal, "history had {} bytes, more than its limit", peak);
}

}  // namespace

int RunRetain(const RetainWorkload& workload) {
  const absl::Status status = Run(workload);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench retain: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace ronda::bench
