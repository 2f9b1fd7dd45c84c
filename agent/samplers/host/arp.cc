#include "agent/samplers/host/arp.h"

#include <algorithm>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_arp_entries", MetricType::kGauge, "", "device", "Entries of the ARP table."},
};
constexpr size_t kFieldsBeforeDevice = 5;

}  // namespace

ArpSampler::ArpSampler(const std::string& procfs) : file_(procfs + "/net/arp") {}

std::span<const MetricDescriptor> ArpSampler::metrics() const { return kMetrics; }

// A header, then "192.0.2.1  0x1  0x2  02:fc:00:00:00:05  *  eth0".
absl::Status ArpSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file_.Read(&text));
  counts_.clear();
  TakeLine(&text);
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    for (size_t i = 0; i < kFieldsBeforeDevice; ++i) {
      TakeField(&line);
    }
    const std::string_view device = TakeField(&line);
    if (device.empty()) {
      return Fail(absl::StatusCode::kDataLoss, "reading {}: field Device is missing", file_.path());
    }
    const auto it = std::find_if(counts_.begin(), counts_.end(),
                                 [&](const auto& entry) { return entry.first == device; });
    if (it == counts_.end()) {
      counts_.emplace_back(device, 1);
    } else {
      ++it->second;
    }
  }
  for (const auto& [device, entries] : counts_) {
    table.Set(table.Declare(kMetrics[0], {device}), static_cast<double>(entries));
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
