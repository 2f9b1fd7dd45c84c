#include "agent/samplers/host/vmstat.h"

#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "agent/samplers/host/text.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor Field(std::string_view name) {
  return {name, MetricType::kUnknown, "", "",
          "The field of /proc/vmstat (proc(5)) with this name."};
}

// What node_exporter's default filter ^(oom_kill|pgpg|pswp|pg.*fault).* lets through.
constexpr MetricDescriptor kMetrics[] = {
    Field("node_vmstat_oom_kill"),
    Field("node_vmstat_pgpgin"),
    Field("node_vmstat_pgpgout"),
    Field("node_vmstat_pswpin"),
    Field("node_vmstat_pswpout"),
    Field("node_vmstat_pgfault"),
    Field("node_vmstat_pgmajfault"),
    {"ronda_oom_kills_5m", MetricType::kGauge, "", "",
     "Processes that the kernel killed for want of memory in the last 5 minutes."},
};
constexpr size_t kOomKill = 0;
constexpr size_t kOomKills5m = std::size(kMetrics) - 1;
constexpr int64_t kOomWindowMs = 5 * 60 * 1000;

// Of all but the last metric, which is ours.
std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (const MetricDescriptor& metric : std::span(kMetrics).first(kOomKills5m)) {
    keys.emplace_back(metric.name.substr(std::string_view("node_vmstat_").size()));
  }
  return keys;
}

}  // namespace

VmstatSampler::VmstatSampler(const std::string& procfs)
    : file_(procfs + "/vmstat"), keys_(Keys()), series_(kMetrics), oom_kills_(kOomWindowMs) {}

std::span<const MetricDescriptor> VmstatSampler::metrics() const { return kMetrics; }

absl::Status VmstatSampler::Sample(int64_t t_ms, SeriesTable& table) {
  std::string_view text;
  if (absl::Status status = file_.Read(&text); !status.ok()) {
    return status;
  }
  for (size_t line_number = 0; !text.empty(); ++line_number) {
    std::string_view line = TakeLine(&text);
    const std::string_view key = TakeField(&line);
    const int field = keys_.Find(line_number, key);
    if (field == KeyTable::kUnknown) {
      continue;
    }
    const std::string_view number = TakeField(&line);
    uint64_t value = 0;
    if (!ParseUint(number, &value)) {
      return BadField(file_.path(), key, number);
    }
    series_.Set(table, static_cast<size_t>(field), static_cast<double>(value));
    if (static_cast<size_t>(field) == kOomKill) {
      series_.Set(table, kOomKills5m, static_cast<double>(oom_kills_.Observe(t_ms, value)));
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
