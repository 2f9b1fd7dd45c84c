#include "agent/samplers/host/netstat.h"

#include <iterator>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kPrefix = "node_netstat_";

constexpr MetricDescriptor Field(std::string_view name) {
  return {name, MetricType::kUnknown, "", "",
          "The counter of the kernel's SNMP tables (/proc/net) with this name."};
}

// What node_exporter's default filter lets through, and MaxConn, which dashboards ask for: first
// those of netstat and snmp, then those of snmp6.
constexpr MetricDescriptor kMetrics[] = {
    Field("node_netstat_Icmp_InErrors"),
    Field("node_netstat_Icmp_InMsgs"),
    Field("node_netstat_Icmp_OutMsgs"),
    Field("node_netstat_IpExt_InOctets"),
    Field("node_netstat_IpExt_OutOctets"),
    Field("node_netstat_Ip_Forwarding"),
    Field("node_netstat_TcpExt_ListenDrops"),
    Field("node_netstat_TcpExt_ListenOverflows"),
    Field("node_netstat_TcpExt_SyncookiesFailed"),
    Field("node_netstat_TcpExt_SyncookiesRecv"),
    Field("node_netstat_TcpExt_SyncookiesSent"),
    Field("node_netstat_TcpExt_TCPOFOQueue"),
    Field("node_netstat_TcpExt_TCPRcvQDrop"),
    Field("node_netstat_TcpExt_TCPSynRetrans"),
    Field("node_netstat_TcpExt_TCPTimeouts"),
    Field("node_netstat_Tcp_ActiveOpens"),
    Field("node_netstat_Tcp_CurrEstab"),
    Field("node_netstat_Tcp_InErrs"),
    Field("node_netstat_Tcp_InSegs"),
    Field("node_netstat_Tcp_MaxConn"),
    Field("node_netstat_Tcp_OutRsts"),
    Field("node_netstat_Tcp_OutSegs"),
    Field("node_netstat_Tcp_PassiveOpens"),
    Field("node_netstat_Tcp_RetransSegs"),
    Field("node_netstat_UdpLite_InErrors"),
    Field("node_netstat_Udp_InDatagrams"),
    Field("node_netstat_Udp_InErrors"),
    Field("node_netstat_Udp_NoPorts"),
    Field("node_netstat_Udp_OutDatagrams"),
    Field("node_netstat_Udp_RcvbufErrors"),
    Field("node_netstat_Udp_SndbufErrors"),
    Field("node_netstat_Icmp6_InErrors"),
    Field("node_netstat_Icmp6_InMsgs"),
    Field("node_netstat_Icmp6_OutMsgs"),
    Field("node_netstat_Ip6_InOctets"),
    Field("node_netstat_Ip6_OutOctets"),
    Field("node_netstat_Udp6_InDatagrams"),
    Field("node_netstat_Udp6_InErrors"),
    Field("node_netstat_Udp6_NoPorts"),
    Field("node_netstat_Udp6_OutDatagrams"),
    Field("node_netstat_Udp6_RcvbufErrors"),
    Field("node_netstat_Udp6_SndbufErrors"),
    Field("node_netstat_UdpLite6_InErrors"),
};
constexpr size_t kFirstOfSnmp6 = 31;

// Bounds what a broken file makes us keep.
constexpr size_t kMaxBlocks = 64;

// Counters have 64 bits; Tcp MaxConn is -1 where there is no limit.
bool ParseField(std::string_view text, double* value) {
  uint64_t count = 0;
  int64_t negative = 0;
  if (ParseUint(text, &count)) {
    *value = static_cast<double>(count);
    return true;
  }
  if (ParseInt(text, &negative)) {
    *value = static_cast<double>(negative);
    return true;
  }
  return false;
}

std::vector<std::string> Snmp6Keys() {
  std::vector<std::string> keys;
  for (size_t i = kFirstOfSnmp6; i < std::size(kMetrics); ++i) {
    std::string key(kMetrics[i].name.substr(kPrefix.size()));  // Ip6_InOctets
    key.erase(key.find('_'), 1);
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

NetstatSampler::NetstatSampler(const std::string& procfs)
    : netstat_(procfs + "/net/netstat"),
      snmp_(procfs + "/net/snmp"),
      snmp6_(procfs + "/net/snmp6"),
      snmp6_keys_(Snmp6Keys()),
      series_(kMetrics) {
  for (size_t i = 0; i < kFirstOfSnmp6; ++i) {
    columns_[std::string(kMetrics[i].name.substr(kPrefix.size()))] = static_cast<int>(i);
  }
}

std::span<const MetricDescriptor> NetstatSampler::metrics() const { return kMetrics; }

absl::Status NetstatSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  RONDA_RETURN_IF_ERROR(SamplePairs(netstat_, netstat_blocks_, table));
  RONDA_RETURN_IF_ERROR(SamplePairs(snmp_, snmp_blocks_, table));
  return SampleSnmp6(table);
}

void NetstatSampler::LearnHeader(std::string_view header, Block& block) const {
  block.header = header;
  block.metric_of_column.clear();
  std::string_view rest = header;
  std::string_view protocol = TakeField(&rest);
  protocol = protocol.substr(0, protocol.find(':'));
  for (std::string_view name = TakeField(&rest); !name.empty(); name = TakeField(&rest)) {
    const auto it = columns_.find(std::string(protocol) + "_" + std::string(name));
    block.metric_of_column.push_back(it == columns_.end() ? KeyTable::kUnknown : it->second);
  }
}

absl::Status NetstatSampler::SamplePairs(ProcFile& file, std::vector<Block>& blocks,
                                         SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file.Read(&text));
  for (size_t number = 0; !text.empty() && number < kMaxBlocks; ++number) {
    const std::string_view header = TakeLine(&text);
    std::string_view values = TakeLine(&text);
    const size_t colon = header.find(':');
    if (colon == std::string_view::npos ||
        values.substr(0, colon + 1) != header.substr(0, colon + 1)) {
      return Fail(absl::StatusCode::kDataLoss,
                  "reading {}: no line of values belongs to the line of names '{}'", file.path(),
                  header.substr(0, 40));
    }
    if (number >= blocks.size()) {
      blocks.emplace_back();
    }
    Block& block = blocks[number];
    if (block.header != header) {
      LearnHeader(header, block);
    }
    values.remove_prefix(colon + 1);
    for (const int metric : block.metric_of_column) {
      const std::string_view value = TakeField(&values);
      if (metric == KeyTable::kUnknown) {
        continue;
      }
      const auto i = static_cast<size_t>(metric);
      double parsed = 0;
      if (!ParseField(value, &parsed)) {
        return BadField(file.path(), kMetrics[i].name.substr(kPrefix.size()), value);
      }
      series_.Set(table, i, parsed);
    }
  }
  return absl::OkStatus();
}

absl::Status NetstatSampler::SampleSnmp6(SeriesTable& table) {
  std::string_view text;
  const absl::Status status = snmp6_.Read(&text);
  if (absl::IsNotFound(status)) {
    return absl::OkStatus();  // without IPv6
  }
  RONDA_RETURN_IF_ERROR(status);
  for (size_t line_number = 0; !text.empty(); ++line_number) {
    std::string_view line = TakeLine(&text);
    const std::string_view key = TakeField(&line);
    const int field = snmp6_keys_.Find(line_number, key);
    if (field == KeyTable::kUnknown) {
      continue;
    }
    const std::string_view number = TakeField(&line);
    uint64_t value = 0;
    if (!ParseUint(number, &value)) {
      return BadField(snmp6_.path(), key, number);
    }
    series_.Set(table, kFirstOfSnmp6 + static_cast<size_t>(field), static_cast<double>(value));
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
