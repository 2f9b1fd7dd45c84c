// ronda-bench read: time and CPU of reading series, beside VictoriaMetrics and Prometheus.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
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

constexpr int kWarmUps = 3;
constexpr int64_t kStepMs = 60'000;

struct Figures {
  std::string system;
  std::string query;
  double p50_ms = 0;
  double p95_ms = 0;
  double cpu_ms = 0;
  int64_t points = 0;
};

// The whole time of the set: every sample, and one a minute.
std::vector<ReadQuery> QueriesOf(const ScaleSet& set) {
  const std::string metric = set.name == "day"     ? "node_memory_MemFree_bytes"
                             : set.name == "fleet" ? "node_load1"
                                                   : "pg_stat_database_xact_commit";
  const int64_t end_ms = set.end_ms();
  const int64_t steps = (set.ticks - 1) / (kStepMs / 1000);
  return {{set.name + "_raw", metric, end_ms - set.ticks * 1000, end_ms, 0, true},
          {set.name + "_60s", metric, end_ms - steps * kStepMs, end_ms, kStepMs, true}};
}

// The number of points of an answer must be right, give or take one a series: what a window's left
// end belongs to differs between systems.
absl::Status CheckPoints(const ScaleSet& set, const ReadQuery& query, int64_t points) {
  int64_t series = 0;
  for (size_t i = 0; i < set.series(); ++i) {
    series += set.schema->metric_of(i).name == query.metric ? set.nodes : 0;
  }
  const int64_t each =
      query.step_ms == 0 ? set.ticks : (query.end_ms - query.start_ms) / query.step_ms + 1;
  if (points == 0 || std::abs(points - series * each) > series) {
    return Fail(absl::StatusCode::kDataLoss, "{}: {} points, {} series of {} expected", query.name,
                points, series, each);
  }
  return absl::OkStatus();
}

absl::StatusOr<Figures> Measure(System* system, const ScaleSet& set, const ReadQuery& query,
                                int repetitions) {
  Figures figures{system->name(), query.name};
  for (int i = 0; i < kWarmUps; ++i) {
    RONDA_ASSIGN_OR_RETURN(const Answer answer, system->Read(query));
    figures.points = answer.points;
  }
  RONDA_RETURN_IF_ERROR(CheckPoints(set, query, figures.points));
  std::vector<double> times;
  const double before = system->cpu_seconds();
  for (int i = 0; i < repetitions; ++i) {
    RONDA_ASSIGN_OR_RETURN(const Answer answer, system->Read(query));
    times.push_back(answer.ms);
  }
  figures.cpu_ms = (system->cpu_seconds() - before) * 1000 / repetitions;
  std::sort(times.begin(), times.end());
  const auto rank = [&](double share) {
    return times[static_cast<size_t>(std::ceil(share * static_cast<double>(times.size()))) - 1];
  };
  figures.p50_ms = rank(0.5);
  figures.p95_ms = rank(0.95);
  return figures;
}

absl::Status MeasureSystem(System* system, const ScaleSet& set, int repetitions, KeptSet* kept,
                           std::vector<Figures>* out) {
  if (!kept->Holds(system->name())) {
    RONDA_RETURN_IF_ERROR(system->Start());
    RONDA_RETURN_IF_ERROR(system->Feed(set));
    RONDA_RETURN_IF_ERROR(system->Settle());
    RONDA_RETURN_IF_ERROR(system->Stop());
    RONDA_RETURN_IF_ERROR(kept->Add(system->name()));
  }
  RONDA_RETURN_IF_ERROR(system->Start());
  for (ReadQuery query : QueriesOf(set)) {
    RONDA_ASSIGN_OR_RETURN(out->emplace_back(), Measure(system, set, query, repetitions));
    if (system->name() == "victoriametrics" && query.step_ms > 0) {
      query.no_cache = false;
      query.name += "_cached";
      RONDA_ASSIGN_OR_RETURN(out->emplace_back(), Measure(system, set, query, repetitions));
    }
  }
  return system->Stop();
}

void Print(const std::vector<Figures>& all) {
  fmt::print("{:<20}{:<18}{:>10}{:>10}{:>10}{:>12}\n", "query", "system", "p50 ms", "p95 ms",
             "CPU ms", "points");
  nlohmann::json line = {{"workload", "read"}};
  for (const Figures& f : all) {
    fmt::print("{:<20}{:<18}{:>10.3f}{:>10.3f}{:>10.3f}{:>12}\n", f.query, f.system, f.p50_ms,
               f.p95_ms, f.cpu_ms, f.points);
    nlohmann::json& to = f.system == "ronda" ? line : line["peers"][f.system];
    to["queries"][f.query] = {
        {"p50_ms", f.p50_ms}, {"p95_ms", f.p95_ms}, {"cpu_ms", f.cpu_ms}, {"points", f.points}};
  }
  fmt::print("{}\n", line.dump());
}

absl::Status Run(const ReadWorkload& workload) {
  const TempDir temporary;
  const std::string dir = workload.options.data.empty() ? temporary.path() : workload.options.data;
  const std::vector<std::string> names =
      workload.set.empty() ? std::vector<std::string>{"day", "fleet"} : std::vector{workload.set};
  std::vector<Figures> figures;
  for (const std::string& name : names) {
    RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewBenchSet(name, workload.options));
    RONDA_ASSIGN_OR_RETURN(KeptSet kept, KeptSet::Open(dir, false, &set));
    RONDA_ASSIGN_OR_RETURN(const auto systems, NewSystems(kept.dir(), workload.options));
    for (const auto& system : systems) {
      RONDA_RETURN_IF_ERROR(Annotate(
          MeasureSystem(system.get(), set, workload.repetitions, &kept, &figures), system->name()));
    }
  }
  std::stable_sort(figures.begin(), figures.end(),
                   [](const Figures& a, const Figures& b) { return a.query < b.query; });
  Print(figures);
  return absl::OkStatus();
}

}  // namespace

int RunRead(const ReadWorkload& workload) {
  const absl::Status status = Run(workload);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench read: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace ronda::bench
