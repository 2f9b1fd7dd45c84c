#include "agent/samplers/host/filefd.h"

#include "agent/samplers/host/text.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_filefd_allocated", MetricType::kGauge, "", "", "File handles in use."},
    {"node_filefd_maximum", MetricType::kGauge, "", "", "File handles that there may be."},
};

}  // namespace

FilefdSampler::FilefdSampler(const std::string& procfs)
    : file_(procfs + "/sys/fs/file-nr"), series_(kMetrics) {}

std::span<const MetricDescriptor> FilefdSampler::metrics() const { return kMetrics; }

// "557\t0\t2466170": allocated, free (always 0 since Linux 2.6), maximum.
absl::Status FilefdSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  if (absl::Status status = file_.Read(&text); !status.ok()) {
    return status;
  }
  std::string_view line = TakeLine(&text);
  const std::string_view allocated = TakeField(&line);
  TakeField(&line);
  const std::string_view maximum = TakeField(&line);
  uint64_t value = 0;
  if (!ParseUint(allocated, &value)) {
    return BadField(file_.path(), "allocated", allocated);
  }
  series_.Set(table, 0, static_cast<double>(value));
  if (!ParseUint(maximum, &value)) {
    return BadField(file_.path(), "maximum", maximum);
  }
  series_.Set(table, 1, static_cast<double>(value));
  return absl::OkStatus();
}

}  // namespace ronda::agent
