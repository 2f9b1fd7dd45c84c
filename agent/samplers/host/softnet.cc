#include "agent/samplers/host/softnet.h"

#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

// Columns of net/core/net-procfs.c.
constexpr MetricDescriptor kMetrics[] = {
    {"node_softnet_processed_total", MetricType::kCounter, "", "cpu", "Packets processed."},
    {"node_softnet_dropped_total", MetricType::kCounter, "", "cpu",
     "Packets dropped because the backlog queue was full."},
    {"node_softnet_times_squeezed_total", MetricType::kCounter, "", "cpu",
     "Times processing ended with packets left, for lack of budget."},
    {"node_softnet_received_rps_total", MetricType::kCounter, "", "cpu",
     "Times another CPU woke this one to process packets."},
    {"node_softnet_flow_limit_count_total", MetricType::kCounter, "", "cpu",
     "Packets dropped because their flow took too much of the backlog queue."},
};
struct Column {
  size_t metric;
  std::string_view name;
};
// By place; what is between them is not ours. Kernels before 2.6.35 and 3.11 lack the last two.
constexpr Column kUnused = {std::size(kMetrics), ""};
constexpr Column kColumns[] = {{0, "processed"},
                               {1, "dropped"},
                               {2, "time_squeeze"},
                               kUnused,
                               kUnused,
                               kUnused,
                               kUnused,
                               kUnused,
                               kUnused,
                               {3, "received_rps"},
                               {4, "flow_limit_count"}};
constexpr size_t kAlwaysThere = 3;
constexpr size_t kMaxCpus = 8192;

}  // namespace

SoftnetSampler::SoftnetSampler(const std::string& procfs) : file_(procfs + "/net/softnet_stat") {}

std::span<const MetricDescriptor> SoftnetSampler::metrics() const { return kMetrics; }

absl::Status SoftnetSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file_.Read(&text));
  for (size_t cpu = 0; !text.empty() && cpu < kMaxCpus; ++cpu) {
    std::string_view line = TakeLine(&text);
    if (cpu >= cpus_.size()) {
      cpus_.emplace_back(kMetrics, std::vector<std::string>{std::to_string(cpu)});
    }
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      const std::string_view field = TakeField(&line);
      const auto& [metric, name] = kColumns[i];
      if (metric == kUnused.metric || (field.empty() && i >= kAlwaysThere)) {
        continue;
      }
      uint64_t value = 0;
      if (!ParseHex(field, &value)) {
        return BadField(file_.path(), name, field);
      }
      cpus_[cpu].Set(table, metric, static_cast<double>(value));
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
