#include "tests/bench/scale_set.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <regex>
#include <utility>

#include "common/base/status.h"

namespace ronda::bench {
namespace {

constexpr int kMaxDecimals = 12;
constexpr double kMaxExact = 9007199254740992.0;  // 2^53

// The series of the set `fleet`: what a host agent that is kept small sends.
const std::regex& FleetSeries() {
  static const auto* const regex = new std::regex(
      "^node_(cpu_seconds_total|load\\d+"
      "|memory_(MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapCached|Active|Inactive|AnonPages"
      "|Mapped|Dirty|Writeback|Slab|SReclaimable|Shmem|PageTables|Committed_AS)_bytes"
      "|disk_(reads|writes)_completed_total|disk_(read|written)_bytes_total"
      "|disk_(read|write)_time_seconds_total"
      "|disk_io_(now|time_seconds_total|time_weighted_seconds_total)"
      "|filesystem_(size|free|avail)_bytes|filesystem_files(_free)?"
      "|network_(receive|transmit)_(bytes|packets|errs|drop)_total"
      "|netstat_Tcp_(CurrEstab|ActiveOpens|PassiveOpens|RetransSegs|InSegs|OutSegs)"
      "|netstat_TcpExt_ListenDrops|sockstat_(TCP_(alloc|inuse|tw|mem)|sockets_used|UDP_inuse)"
      "|vmstat_\\w+|pressure_\\w+|procs_\\w+|filefd_allocated|context_switches_total|intr_total"
      "|forks_total|time_seconds|boot_time_seconds|timex_offset_seconds|entropy_available_bits)$");
  return *regex;
}

bool IsWhole(const HostCapture& capture, size_t s) {
  for (size_t tick = 0; tick < capture.ticks; ++tick) {
    if (std::isnan(capture.value(tick, s))) {
      return false;
    }
  }
  return true;
}

// 10^-decimals, or for integers the greatest common divisor of all changes.
double QuantumOf(const HostCapture& capture, size_t s) {
  const int decimals = capture.series[s].decimals;
  int64_t divisor = 0;
  for (size_t tick = 1; decimals == 0 && tick < capture.ticks; ++tick) {
    const double change = std::abs(capture.value(tick, s) - capture.value(tick - 1, s));
    if (change > 0 && change < kMaxExact) {
      divisor = std::gcd(divisor, static_cast<int64_t>(change));
    }
  }
  return divisor > 0 ? static_cast<double>(divisor) : std::pow(10.0, -decimals);
}

// `copy`, if not "", is a label that tells it from the series itself.
void AddSeries(const HostCapture& capture, size_t s, const std::string& copy,
               std::map<std::string, uint32_t>* metrics, Schema* schema, ScaleSet* set) {
  const CaptureSeries& series = capture.series[s];
  const auto [metric, is_new] =
      metrics->try_emplace(series.metric, static_cast<uint32_t>(schema->metrics.size()));
  if (is_new) {
    schema->metrics.push_back({series.metric, series.type, "", ""});
  }
  Labels labels = series.labels;
  if (!copy.empty()) {
    labels.Set("copy", copy);
  }
  schema->series.push_back({metric->second, std::move(labels)});
  bool moves = false;
  for (size_t tick = 1; tick < capture.ticks; ++tick) {
    moves = moves || capture.value(tick, s) != capture.value(0, s);
  }
  const bool is_counter = series.type == MetricType::kCounter;
  set->is_counter.push_back(is_counter ? 1 : 0);
  set->is_live_counter.push_back(is_counter && moves ? 1 : 0);
  set->quantum.push_back(QuantumOf(capture, s));
  set->scale.push_back(std::pow(10.0, std::min(series.decimals, kMaxDecimals)));
}

void AddValues(const HostCapture& capture, const std::vector<size_t>& columns, ScaleSet* set) {
  set->capture_ticks = capture.ticks;
  for (size_t tick = 0; tick < capture.ticks; ++tick) {
    std::vector<uint32_t> changes;
    for (size_t i = 0; i < columns.size(); ++i) {
      const double value = capture.value(tick, columns[i]);
      set->values.push_back(value);
      if (tick + 1 < capture.ticks && capture.value(tick + 1, columns[i]) != value) {
        changes.push_back(static_cast<uint32_t>(i));
      }
    }
    set->changes.push_back(std::move(changes));
  }
  set->changes.pop_back();  // the last tick has none after it
}

}  // namespace

std::string ScaleSet::NodeName(int node) { return fmt::format("node-{:03}", node); }

Labels ScaleSet::LabelsOf(int node, size_t i) const {
  Labels labels = schema->series[i].labels;
  labels.Set(kMetricName, schema->metric_of(i).name);
  labels.Set("node", NodeName(node));
  labels.Set("job", job);
  labels.Set("instance", NodeName(node));
  return labels;
}

absl::StatusOr<ScaleSet> MakeScaleSet(const HostCapture& capture, std::string_view name,
                                      double factor, uint64_t seed) {
  ScaleSet set;
  set.name = name;
  set.seed = seed;
  set.job = name == "pg" ? "postgres" : "node";
  set.nodes = name == "fleet" ? 100 : 1;
  const int64_t hours = name == "day" ? 24 : name == "fleet" ? 1 : name == "pg" ? 6 : 0;
  set.ticks = std::max<int64_t>(2, std::llround(static_cast<double>(hours * 3600) * factor));
  if (hours == 0) {
    return Fail(absl::StatusCode::kInvalidArgument, "no set {}: there are day, fleet and pg", name);
  }
  auto schema = std::make_shared<Schema>();
  std::map<std::string, uint32_t> metrics;
  std::vector<size_t> columns;
  for (size_t s = 0; s < capture.series.size(); ++s) {
    const CaptureSeries& series = capture.series[s];
    if (series.job == set.job && IsWhole(capture, s) &&
        (name != "fleet" || std::regex_search(series.metric, FleetSeries()))) {
      columns.push_back(s);
      AddSeries(capture, s, "", &metrics, schema.get(), &set);
    }
  }
  set.schema = std::move(schema);
  AddValues(capture, columns, &set);
  return set;
}

ScaleSet MakeHostSet(const HostCapture& capture, int nodes, int series, uint64_t seed) {
  ScaleSet set;
  set.name = "hosts";
  set.seed = seed;
  set.job = "node";
  set.nodes = nodes;
  std::vector<size_t> own;
  for (size_t s = 0; s < capture.series.size(); ++s) {
    if (capture.series[s].job == set.job && IsWhole(capture, s)) {
      own.push_back(s);
    }
  }
  std::stable_partition(own.begin(), own.end(), [&](size_t s) {
    return std::regex_search(capture.series[s].metric, FleetSeries());
  });
  auto schema = std::make_shared<Schema>();
  std::map<std::string, uint32_t> metrics;
  std::vector<size_t> columns;
  for (size_t i = 0; i < static_cast<size_t>(series); ++i) {
    const size_t copy = i / own.size();
    columns.push_back(own[i % own.size()]);
    AddSeries(capture, columns.back(), copy == 0 ? "" : std::to_string(copy), &metrics,
              schema.get(), &set);
  }
  set.schema = std::move(schema);
  AddValues(capture, columns, &set);
  return set;
}

}  // namespace ronda::bench
