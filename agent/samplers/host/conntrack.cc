#include "agent/samplers/host/conntrack.h"

#include <array>
#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kStatPrefix = "node_nf_conntrack_stat_";

constexpr MetricDescriptor Stat(std::string_view name) {
  return {name, MetricType::kGauge, "", "",
          "The column of /proc/net/stat/nf_conntrack with this name, summed over the CPUs."};
}

constexpr MetricDescriptor kMetrics[] = {
    {"node_nf_conntrack_entries", MetricType::kGauge, "", "", "Connections that are tracked."},
    {"node_nf_conntrack_entries_limit", MetricType::kGauge, "", "",
     "Connections that can be tracked."},
    Stat("node_nf_conntrack_stat_found"),
    Stat("node_nf_conntrack_stat_invalid"),
    Stat("node_nf_conntrack_stat_ignore"),
    Stat("node_nf_conntrack_stat_insert"),
    Stat("node_nf_conntrack_stat_insert_failed"),
    Stat("node_nf_conntrack_stat_drop"),
    Stat("node_nf_conntrack_stat_early_drop"),
    Stat("node_nf_conntrack_stat_search_restart"),
};
constexpr size_t kFirstStat = 2;
constexpr size_t kStats = std::size(kMetrics) - kFirstStat;
constexpr size_t kMaxColumns = 64;

}  // namespace

ConntrackSampler::ConntrackSampler(const std::string& procfs)
    : count_(procfs + "/sys/net/netfilter/nf_conntrack_count"),
      max_(procfs + "/sys/net/netfilter/nf_conntrack_max"),
      stats_(procfs + "/net/stat/nf_conntrack"),
      series_(kMetrics) {}

std::span<const MetricDescriptor> ConntrackSampler::metrics() const { return kMetrics; }

absl::Status ConntrackSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  uint64_t value = 0;
  const absl::Status status = count_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // the module is not loaded
  }
  RONDA_RETURN_IF_ERROR(status);
  if (!ParseUint(Trim(text), &value)) {
    return BadField(count_.path(), "nf_conntrack_count", Trim(text));
  }
  series_.Set(table, 0, static_cast<double>(value));
  RONDA_RETURN_IF_ERROR(max_.Read(&text));
  if (!ParseUint(Trim(text), &value)) {
    return BadField(max_.path(), "nf_conntrack_max", Trim(text));
  }
  series_.Set(table, 1, static_cast<double>(value));
  return SampleStats(table);
}

// A line of names, then one line of hexadecimal numbers a CPU.
absl::Status ConntrackSampler::SampleStats(SeriesTable& table) {
  std::string_view text;
  const absl::Status status = stats_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // CONFIG_NF_CONNTRACK_PROCFS is off
  }
  RONDA_RETURN_IF_ERROR(status);
  std::array<size_t, kMaxColumns> stat_of_column{};  // kStats: not wanted
  stat_of_column.fill(kStats);
  std::array<bool, kStats> there{};
  size_t columns = 0;
  std::string_view header = TakeLine(&text);
  for (std::string_view name = TakeField(&header); !name.empty() && columns < kMaxColumns;
       name = TakeField(&header), ++columns) {
    for (size_t i = 0; i < kStats; ++i) {
      if (kMetrics[kFirstStat + i].name.substr(kStatPrefix.size()) == name) {
        stat_of_column[columns] = i;
        there[i] = true;
      }
    }
  }
  std::array<uint64_t, kStats> sums{};
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    for (size_t column = 0; column < columns; ++column) {
      const std::string_view field = TakeField(&line);
      const size_t stat = stat_of_column[column];
      uint64_t value = 0;
      if (stat == kStats) {
        continue;
      }
      if (!ParseHex(field, &value)) {
        return BadField(stats_.path(), kMetrics[kFirstStat + stat].name.substr(kStatPrefix.size()),
                        field);
      }
      sums[stat] += value;
    }
  }
  for (size_t i = 0; i < kStats; ++i) {
    if (there[i]) {
      series_.Set(table, kFirstStat + i, static_cast<double>(sums[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
