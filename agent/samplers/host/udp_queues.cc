#include "agent/samplers/host/udp_queues.h"

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_udp_queues", MetricType::kGauge, "bytes", "ip,queue",
     "Bytes that wait in the queues of all UDP sockets."},
};
constexpr size_t kFieldsBeforeQueues = 4;

}  // namespace

UdpQueuesSampler::UdpQueuesSampler(const std::string& procfs)
    : udp_(procfs + "/net/udp"), udp6_(procfs + "/net/udp6") {}

std::span<const MetricDescriptor> UdpQueuesSampler::metrics() const { return kMetrics; }

absl::Status UdpQueuesSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  RONDA_RETURN_IF_ERROR(SampleFile(udp_, "v4", table));
  const absl::Status status = SampleFile(udp6_, "v6", table);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;  // without IPv6
}

// A header, then "12: 0100007F:0035 00000000:0000 07 00000000:00000A00 ...": the fifth field is the
// transmit and the receive queue.
absl::Status UdpQueuesSampler::SampleFile(ProcFile& file, std::string_view ip, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file.Read(&text));
  uint64_t tx_bytes = 0;
  uint64_t rx_bytes = 0;
  TakeLine(&text);
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    for (size_t i = 0; i < kFieldsBeforeQueues; ++i) {
      TakeField(&line);
    }
    const std::string_view queues = TakeField(&line);
    const size_t colon = queues.find(':');
    uint64_t tx = 0;
    uint64_t rx = 0;
    if (colon == std::string_view::npos || !ParseHex(queues.substr(0, colon), &tx) ||
        !ParseHex(queues.substr(colon + 1), &rx)) {
      return BadField(file.path(), "tx_queue:rx_queue", queues);
    }
    tx_bytes += tx;
    rx_bytes += rx;
  }
  table.Set(table.Declare(kMetrics[0], {ip, "tx"}), static_cast<double>(tx_bytes));
  table.Set(table.Declare(kMetrics[0], {ip, "rx"}), static_cast<double>(rx_bytes));
  return absl::OkStatus();
}

}  // namespace ronda::agent
