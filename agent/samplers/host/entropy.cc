#include "agent/samplers/host/entropy.h"

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_entropy_available_bits", MetricType::kGauge, "bits", "", "Entropy at hand."},
    {"node_entropy_pool_size_bits", MetricType::kGauge, "bits", "", "Size of the entropy pool."},
};

}  // namespace

EntropySampler::EntropySampler(const std::string& procfs)
    : available_(procfs + "/sys/kernel/random/entropy_avail"),
      pool_size_(procfs + "/sys/kernel/random/poolsize"),
      series_(kMetrics) {}

std::span<const MetricDescriptor> EntropySampler::metrics() const { return kMetrics; }

absl::Status EntropySampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  uint64_t bits = 0;
  RONDA_RETURN_IF_ERROR(available_.Read(&text));
  if (!ParseUint(Trim(text), &bits)) {
    return BadField(available_.path(), "entropy_avail", Trim(text));
  }
  series_.Set(table, 0, static_cast<double>(bits));
  RONDA_RETURN_IF_ERROR(pool_size_.Read(&text));
  if (!ParseUint(Trim(text), &bits)) {
    return BadField(pool_size_.path(), "poolsize", Trim(text));
  }
  series_.Set(table, 1, static_cast<double>(bits));
  return absl::OkStatus();
}

}  // namespace ronda::agent
