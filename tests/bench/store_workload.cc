// ronda-bench store: what it costs to keep a set, beside VictoriaMetrics and Prometheus.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "tests/bench/bench_set.h"
#include "tests/bench/workloads.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

// By key of the JSON line; the order is that of the table.
using Figures = std::vector<std::pair<std::string, double>>;

// A system takes the set in, is killed, comes back, settles, stops, comes back. One that holds in
// memory what it took is killed last.
absl::StatusOr<Figures> Measure(System* system, const ScaleSet& set) {
  const auto samples = static_cast<double>(set.samples());
  const auto timed = [](const std::function<absl::Status()>& work, double* seconds) {
    const auto start = std::chrono::steady_clock::now();
    absl::Status status = work();
    *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return status;
  };
  RONDA_RETURN_IF_ERROR(system->Start());
  double feed_seconds = 0;
  RONDA_RETURN_IF_ERROR(timed([&] { return system->Feed(set); }, &feed_seconds));
  const double feed_cpu = system->cpu_seconds();
  const double feed_rss = system->peak_rss_mib();
  double after_kill = 0;
  const auto kill = [&] {
    system->Kill();
    return timed([&] { return system->Start(); }, &after_kill);
  };
  if (system->KeepsWhatItTook()) {
    RONDA_RETURN_IF_ERROR(kill());
  }
  // What comes back has the price of its start; what it does from here on belongs to the samples.
  system->ResetCost();
  RONDA_RETURN_IF_ERROR(system->Settle());
  const double settle_rss = system->peak_rss_mib();
  RONDA_RETURN_IF_ERROR(system->Stop());
  const double settle_cpu = system->cpu_seconds();
  double reopen = 0;
  RONDA_RETURN_IF_ERROR(timed([&] { return system->Start(); }, &reopen));
  if (!system->KeepsWhatItTook()) {
    RONDA_RETURN_IF_ERROR(kill());
  }
  RONDA_ASSIGN_OR_RETURN(const ReadBack read, system->ReadAll(set));
  RONDA_RETURN_IF_ERROR(system->Stop());
  RONDA_ASSIGN_OR_RETURN(const DiskUse disk, system->Disk());
  const auto per_sample = [samples](int64_t bytes) { return static_cast<double>(bytes) / samples; };
  return Figures{{"bytes_per_sample", per_sample(disk.samples_bytes)},
                 {"rollup_bytes_per_sample", per_sample(disk.rollup_bytes)},
                 {"journal_bytes_per_sample", per_sample(disk.journal_bytes)},
                 {"disk_bytes_per_sample", per_sample(disk.total_bytes)},
                 {"samples_per_cpu_second", samples / (feed_cpu + settle_cpu)},
                 {"ingest_cpu_seconds", feed_cpu},
                 {"settle_cpu_seconds", settle_cpu},
                 {"ingest_seconds", feed_seconds},
                 {"peak_rss_mib", std::max(feed_rss, settle_rss)},
                 {"reopen_seconds", reopen},
                 {"reopen_after_kill_seconds", after_kill},
                 {"decode_ns_per_sample", read.cpu_seconds * 1e9 / samples},
                 {"samples", samples},
                 {"lost_samples", samples - static_cast<double>(read.samples)}};
}

// Only Ronda's reading is timed.
bool IsMeasured(const std::string& key, double value) {
  return key != "decode_ns_per_sample" || value > 0;
}

// The same set again, fed tick by tick into a collector of its own; sealing costs what it cost.
absl::Status AddLiveLane(const ScaleSet& set, const std::string& dir, Figures* figures) {
  const std::unique_ptr<System> system = NewRonda(dir, true);
  RONDA_RETURN_IF_ERROR(system->Start());
  RONDA_RETURN_IF_ERROR(system->Feed(set));
  RONDA_RETURN_IF_ERROR(system->Stop());
  const auto settle = std::find_if(figures->begin(), figures->end(), [](const auto& figure) {
    return figure.first == "settle_cpu_seconds";
  });
  const double cpu_seconds = system->cpu_seconds() + settle->second;
  figures->push_back(
      {"samples_per_cpu_second_live", static_cast<double>(set.samples()) / cpu_seconds});
  return absl::OkStatus();
}

nlohmann::json ToJson(const Figures& figures) {
  nlohmann::json out;
  for (const auto& [key, value] : figures) {
    if (IsMeasured(key, value)) {
      out[key] = value;
    }
  }
  return out;
}

// A row a figure, a column a system, and how the first column stands to the others.
void PrintTable(const std::vector<std::pair<std::string, Figures>>& systems) {
  fmt::print("{:<28}", "");
  for (const auto& [name, figures] : systems) {
    fmt::print("{:>18}", name);
  }
  for (size_t i = 1; i < systems.size(); ++i) {
    fmt::print("{:>24}", "ronda/" + systems[i].first);
  }
  fmt::print("\n");
  for (size_t row = 0; row < systems.front().second.size(); ++row) {
    const auto& [key, ours] = systems.front().second[row];
    fmt::print("{:<28}", key);
    for (const auto& [name, figures] : systems) {
      const double value = row < figures.size() ? figures[row].second : -1;
      fmt::print("{:>18}", value < 0 || !IsMeasured(key, value) ? "-"
                           : value >= 1000                      ? fmt::format("{:.0f}", value)
                                                                : fmt::format("{:.4f}", value));
    }
    for (size_t i = 1; i < systems.size(); ++i) {
      const Figures& peer = systems[i].second;
      const double theirs = row < peer.size() ? peer[row].second : 0;
      fmt::print("{:>24}", theirs > 0 && ours > 0 ? fmt::format("{:.2f}", ours / theirs) : "-");
    }
    fmt::print("\n");
  }
}

absl::Status Run(const StoreWorkload& workload) {
  const TempDir temporary;
  const std::string dir = workload.options.data.empty() ? temporary.path() : workload.options.data;
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewBenchSet(workload.set, workload.options));
  RONDA_ASSIGN_OR_RETURN(KeptSet kept, KeptSet::Open(dir, true, &set));
  RONDA_ASSIGN_OR_RETURN(const auto systems, NewSystems(kept.dir(), workload.options));
  fmt::print("set {}: {} nodes x {} series x {} s = {} samples\n", set.name, set.nodes,
             set.series(), set.ticks, set.samples());
  std::vector<std::pair<std::string, Figures>> results;
  nlohmann::json line;
  for (const auto& system : systems) {
    std::fflush(stdout);
    auto figures = Measure(system.get(), set);
    RONDA_RETURN_IF_ERROR(Annotate(figures.status(), system->name()));
    if (results.empty()) {
      if (!workload.options.live) {
        const TempDir live;
        RONDA_RETURN_IF_ERROR(Annotate(AddLiveLane(set, live.path(), &*figures), "live lane"));
      }
      line = ToJson(*figures);
    } else {
      line["peers"][system->name()] = ToJson(*figures);
    }
    RONDA_RETURN_IF_ERROR(kept.Add(system->name()));
    results.emplace_back(system->name(), *std::move(figures));
  }
  PrintTable(results);
  line["workload"] = "store";
  line["set"] = set.name;
  line["lane"] = workload.options.live ? "live" : "backfill";
  fmt::print("{}\n", line.dump());
  return absl::OkStatus();
}

}  // namespace

int RunStore(const StoreWorkload& workload) {
  const absl::Status status = Run(workload);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench store: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace ronda::bench
