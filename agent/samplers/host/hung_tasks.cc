#include "agent/samplers/host/hung_tasks.h"

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

// node_exporter calls it node_kernel_hung_tasks_total; the dashboard Node Exporter Full asks for it
// without the suffix.
constexpr MetricDescriptor kMetrics[] = {
    {"node_kernel_hung_tasks_total", MetricType::kCounter, "", "",
     "Tasks that were found hung since the machine started."},
    {"node_kernel_hung_tasks", MetricType::kUnknown, "", "",
     "The same as node_kernel_hung_tasks_total."},
};

}  // namespace

HungTasksSampler::HungTasksSampler(const std::string& procfs)
    : file_(procfs + "/sys/kernel/hung_task_detect_count"), series_(kMetrics) {}

std::span<const MetricDescriptor> HungTasksSampler::metrics() const { return kMetrics; }

absl::Status HungTasksSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  const absl::Status status = file_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // before Linux 6.15, or without hung-task detection
  }
  RONDA_RETURN_IF_ERROR(status);
  uint64_t count = 0;
  if (!ParseUint(Trim(text), &count)) {
    return BadField(file_.path(), "hung_task_detect_count", text);
  }
  series_.Set(table, 0, static_cast<double>(count));
  series_.Set(table, 1, static_cast<double>(count));
  return absl::OkStatus();
}

}  // namespace ronda::agent
