#include "agent/samplers/host/sockstat.h"

#include <unistd.h>

#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kPrefix = "node_sockstat_";

constexpr MetricDescriptor Field(std::string_view name) {
  return {name, MetricType::kGauge, "", "",
          "The field of /proc/net/sockstat or sockstat6 with this name."};
}
constexpr MetricDescriptor Memory(std::string_view name) {
  return {name, MetricType::kGauge, "bytes", "", "Memory of the protocol's sockets."};
}

constexpr MetricDescriptor kMetrics[] = {
    Memory("node_sockstat_TCP_mem_bytes"), Memory("node_sockstat_UDP_mem_bytes"),
    Field("node_sockstat_sockets_used"),   Field("node_sockstat_TCP_inuse"),
    Field("node_sockstat_TCP_orphan"),     Field("node_sockstat_TCP_tw"),
    Field("node_sockstat_TCP_alloc"),      Field("node_sockstat_TCP_mem"),
    Field("node_sockstat_UDP_inuse"),      Field("node_sockstat_UDP_mem"),
    Field("node_sockstat_UDPLITE_inuse"),  Field("node_sockstat_RAW_inuse"),
    Field("node_sockstat_FRAG_inuse"),     Field("node_sockstat_FRAG_memory"),
    Field("node_sockstat_TCP6_inuse"),     Field("node_sockstat_UDP6_inuse"),
    Field("node_sockstat_UDPLITE6_inuse"), Field("node_sockstat_RAW6_inuse"),
    Field("node_sockstat_FRAG6_inuse"),    Field("node_sockstat_FRAG6_memory"),
};
constexpr size_t kTcpBytes = 0;
constexpr size_t kUdpBytes = 1;
constexpr size_t kFirstField = 2;

const double kPageBytes = static_cast<double>(sysconf(_SC_PAGESIZE));

}  // namespace

SockstatSampler::SockstatSampler(const std::string& procfs)
    : sockstat_(procfs + "/net/sockstat"),
      sockstat6_(procfs + "/net/sockstat6"),
      series_(kMetrics) {
  for (size_t i = kFirstField; i < std::size(kMetrics); ++i) {
    columns_[std::string(kMetrics[i].name.substr(kPrefix.size()))] = static_cast<int>(i);
  }
}

std::span<const MetricDescriptor> SockstatSampler::metrics() const { return kMetrics; }

absl::Status SockstatSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  RONDA_RETURN_IF_ERROR(SampleFile(sockstat_, table));
  const absl::Status status = SampleFile(sockstat6_, table);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;  // without IPv6
}

// Lines such as "TCP: inuse 4 orphan 0 tw 0 alloc 5 mem 318"; mem is in pages.
absl::Status SockstatSampler::SampleFile(ProcFile& file, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file.Read(&text));
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    std::string_view protocol = TakeField(&line);
    protocol = protocol.substr(0, protocol.find(':'));
    for (std::string_view name = TakeField(&line); !name.empty(); name = TakeField(&line)) {
      const std::string_view number = TakeField(&line);
      key_.assign(protocol).append("_").append(name);
      const auto it = columns_.find(key_);
      if (it == columns_.end()) {
        continue;
      }
      uint64_t value = 0;
      if (!ParseUint(number, &value)) {
        return BadField(file.path(), key_, number);
      }
      series_.Set(table, static_cast<size_t>(it->second), static_cast<double>(value));
      if (key_ == "TCP_mem") {
        series_.Set(table, kTcpBytes, static_cast<double>(value) * kPageBytes);
      } else if (key_ == "UDP_mem") {
        series_.Set(table, kUdpBytes, static_cast<double>(value) * kPageBytes);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
