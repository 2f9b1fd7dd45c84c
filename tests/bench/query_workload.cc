// ronda-bench query: PromQL over HTTP, beside VictoriaMetrics and Prometheus on the same data,
// which all three got by remote-write.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
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
constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int kWideNodes = 850;  // x 118 series
constexpr int64_t kWideTicks = 3;

struct Figures {
  std::string system;
  std::string query;
  double p50_ms = 0;
  double p95_ms = 0;
  double cpu_ms = 0;
  size_t bytes = 0;  // of the answer
};

std::vector<PromQuery> QueriesOf(const ScaleSet& set) {
  // Half a second after the last sample: none lies on the edge of a window, where Prometheus 2
  // takes it and Prometheus 3 and Ronda do not.
  const int64_t end = set.end_ms() + 500;
  const auto range = [&](std::string name, std::string expr, int64_t length_ms, int64_t step_ms) {
    const int64_t length = std::min(length_ms, set.ticks * 1000) / step_ms * step_ms;
    return PromQuery{std::move(name), std::move(expr), end - length, end, step_ms};
  };
  const auto instant = [&](std::string name, std::string expr) {
    return PromQuery{std::move(name), std::move(expr), end, end, 0};
  };
  if (set.name == "day") {
    return {
        instant("day_instant", "node_memory_MemFree_bytes"),
        range("day_60s", "node_memory_MemFree_bytes", 24 * kHourMs, kMinuteMs),
        range("day_rate_60s", "rate(node_context_switches_total[5m])", 24 * kHourMs, kMinuteMs)};
  }
  if (set.name == "fleet") {
    const std::string idle = R"(avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))";
    return {range("fleet_avg_60s", idle, kHourMs, kMinuteMs),
            range("fleet_avg_15s", idle, kHourMs, kMinuteMs / 4),
            instant("fleet_topk", "topk(10, rate(node_cpu_seconds_total[1m]))"),
            instant("fleet_compare",
                    "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.1"),
            instant("fleet_count", R"(count({__name__!=""}))")};
  }
  return {instant("wide_count", R"(count({__name__!=""}))")};
}

absl::StatusOr<Figures> Measure(System* system, const PromQuery& query, int repetitions) {
  Figures figures{system->name(), query.name};
  for (int i = 0; i < kWarmUps; ++i) {
    RONDA_ASSIGN_OR_RETURN(const Answer answer, system->Query(query));
    figures.bytes = answer.body.size();
  }
  std::vector<double> times;
  const double before = system->cpu_seconds();
  for (int i = 0; i < repetitions; ++i) {
    RONDA_ASSIGN_OR_RETURN(const Answer answer, system->Query(query));
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

// The value of each series at each time, by labels without what one system alone adds.
std::map<std::string, double> Points(const std::string& body) {
  std::map<std::string, double> out;
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (answer.is_discarded()) {
    return out;
  }
  for (auto series : answer["data"]["result"]) {
    series["metric"].erase("node");
    const std::string labels = series["metric"].dump();
    auto values = series.contains("values") ? series["values"] : nlohmann::json::array();
    if (series.contains("value")) {
      values.push_back(series["value"]);
    }
    for (const auto& point : values) {
      out[fmt::format("{} {:.3f}", labels, point[0].get<double>())] =
          std::strtod(point[1].get<std::string>().c_str(), nullptr);
    }
  }
  return out;
}

// Of topk() only the values: which of several equal series it takes is open.
std::map<std::string, double> Ranked(const std::map<std::string, double>& points) {
  std::vector<double> values;
  for (const auto& [key, value] : points) {
    values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  std::map<std::string, double> out;
  for (size_t i = 0; i < values.size(); ++i) {
    out[std::to_string(i)] = values[i];
  }
  return out;
}

// Ronda must answer as Prometheus does, to the rounding of sums: figures of wrong answers are none.
absl::Status Compare(System* ronda, System* prometheus, const PromQuery& query) {
  constexpr double kTolerance = 1e-6;
  RONDA_ASSIGN_OR_RETURN(const Answer a, ronda->Query(query));
  RONDA_ASSIGN_OR_RETURN(const Answer b, prometheus->Query(query));
  std::map<std::string, double> mine = Points(a.body);
  std::map<std::string, double> theirs = Points(b.body);
  if (query.expr.starts_with("topk")) {
    mine = Ranked(mine);
    theirs = Ranked(theirs);
  }
  if (mine.size() != theirs.size()) {
    return Fail(absl::StatusCode::kDataLoss, "{}: {} points, Prometheus has {}", query.name,
                mine.size(), theirs.size());
  }
  for (const auto& [key, value] : theirs) {
    const auto found = mine.find(key);
    if (found == mine.end() ||
        std::fabs(found->second - value) > kTolerance * std::fabs(value) + 1e-9) {
      return Fail(absl::StatusCode::kDataLoss, "{}: {} is {}, Prometheus has {}", query.name, key,
                  found == mine.end() ? "missing" : std::to_string(found->second), value);
    }
  }
  return absl::OkStatus();
}

absl::Status Fill(System* system, const ScaleSet& set, KeptSet* kept) {
  if (kept->Holds(system->name())) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(system->Start());
  RONDA_RETURN_IF_ERROR(system->Feed(set));
  RONDA_RETURN_IF_ERROR(system->Settle());
  RONDA_RETURN_IF_ERROR(system->Stop());
  return kept->Add(system->name());
}

void Print(const std::vector<Figures>& all) {
  fmt::print("{:<16}{:<18}{:>10}{:>10}{:>10}{:>12}\n", "query", "system", "p50 ms", "p95 ms",
             "CPU ms", "bytes");
  nlohmann::json line = {{"workload", "query"}};
  for (const Figures& f : all) {
    fmt::print("{:<16}{:<18}{:>10.3f}{:>10.3f}{:>10.3f}{:>12}\n", f.query, f.system, f.p50_ms,
               f.p95_ms, f.cpu_ms, f.bytes);
    nlohmann::json& to = f.system == "ronda" ? line : line["peers"][f.system];
    to["queries"][f.query] = {
        {"p50_ms", f.p50_ms}, {"p95_ms", f.p95_ms}, {"cpu_ms", f.cpu_ms}, {"bytes", f.bytes}};
  }
  fmt::print("{}\n", line.dump());
}

absl::StatusOr<ScaleSet> NewQuerySet(const std::string& name, const SetOptions& options) {
  if (name != "wide") {
    return NewBenchSet(name, options);
  }
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewBenchSet("fleet", options));
  set.name = name;
  set.start_ms = set.end_ms() - (kWideTicks - 1) * 1000;
  set.ticks = kWideTicks;
  set.nodes = options.seconds > 0 ? set.nodes : kWideNodes;  // a short run is a trial
  return set;
}

absl::Status MeasureSet(const std::string& name, const std::string& dir,
                        const QueryWorkload& workload, std::vector<Figures>* figures) {
  RONDA_ASSIGN_OR_RETURN(ScaleSet set, NewQuerySet(name, workload.options));
  RONDA_ASSIGN_OR_RETURN(KeptSet kept, KeptSet::Open(dir, false, &set));
  RONDA_ASSIGN_OR_RETURN(auto systems, NewSystems(kept.dir(), workload.options));
  systems[0] = NewRondaHttp(kept.dir());
  System* prometheus = nullptr;
  for (const auto& system : systems) {
    RONDA_RETURN_IF_ERROR(Annotate(Fill(system.get(), set, &kept), system->name()));
  }
  for (const auto& system : systems) {
    RONDA_RETURN_IF_ERROR(Annotate(system->Start(), system->name()));
    prometheus = system->name() == "prometheus" ? system.get() : prometheus;
  }
  for (const PromQuery& query : QueriesOf(set)) {
    if (prometheus != nullptr) {
      RONDA_RETURN_IF_ERROR(Compare(systems[0].get(), prometheus, query));
    }
    for (const auto& system : systems) {
      RONDA_ASSIGN_OR_RETURN(Figures measured, Measure(system.get(), query, workload.repetitions));
      figures->push_back(std::move(measured));
    }
  }
  for (const auto& system : systems) {
    RONDA_RETURN_IF_ERROR(system->Stop());
  }
  return absl::OkStatus();
}

absl::Status Run(const QueryWorkload& workload) {
  const TempDir temporary;
  const std::string dir = workload.options.data.empty() ? temporary.path() : workload.options.data;
  const std::vector<std::string> names = workload.set.empty()
                                             ? std::vector<std::string>{"day", "fleet", "wide"}
                                             : std::vector{workload.set};
  std::vector<Figures> figures;
  for (const std::string& name : names) {
    RONDA_RETURN_IF_ERROR(MeasureSet(name, dir, workload, &figures));
  }
  Print(figures);
  return absl::OkStatus();
}

}  // namespace

int RunQuery(const QueryWorkload& workload) {
  const absl::Status status = Run(workload);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench query: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace ronda::bench
