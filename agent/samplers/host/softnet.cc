#include "agent/samplers/host/softnet.h"

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

// The first three columns (net/core/net-procfs.c).
constexpr MetricDescriptor kMetrics[] = {
    {"node_softnet_processed_total", MetricType::kCounter, "", "cpu", "Packets processed."},
    {"node_softnet_dropped_total", MetricType::kCounter, "", "cpu",
     "Packets dropped because the backlog queue was full."},
    {"node_softnet_times_squeezed_total", MetricType::kCounter, "", "cpu",
     "Times processing ended with packets left, for lack of budget."},
};
constexpr size_t kColumns = 3;
constexpr std::string_view kColumnNames[] = {"processed", "dropped", "time_squeeze"};
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
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string_view field = TakeField(&line);
      uint64_t value = 0;
      if (!ParseHex(field, &value)) {
        return BadField(file_.path(), kColumnNames[i], field);
      }
      cpus_[cpu].Set(table, i, static_cast<double>(value));
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
