#include "agent/samplers/host/netdev.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <utility>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor Counter(std::string_view name, std::string_view unit,
                                   std::string_view help) {
  return {name, MetricType::kCounter, unit, "device", help};
}

// In the order of the kernel's columns (net/core/net-procfs.c), then what only sysfs has.
constexpr MetricDescriptor kMetrics[] = {
    Counter("node_network_receive_bytes_total", "bytes", "Bytes received."),
    Counter("node_network_receive_packets_total", "", "Packets received."),
    Counter("node_network_receive_errs_total", "", "Packets received with an error."),
    Counter("node_network_receive_drop_total", "", "Packets received and dropped or missed."),
    Counter("node_network_receive_fifo_total", "", "Receive FIFO overruns."),
    Counter("node_network_receive_frame_total", "", "Length, overrun, CRC and frame errors."),
    Counter("node_network_receive_compressed_total", "", "Compressed packets received."),
    Counter("node_network_receive_multicast_total", "", "Multicast packets received."),
    Counter("node_network_transmit_bytes_total", "bytes", "Bytes sent."),
    Counter("node_network_transmit_packets_total", "", "Packets sent."),
    Counter("node_network_transmit_errs_total", "", "Packets not sent for an error."),
    Counter("node_network_transmit_drop_total", "", "Packets dropped instead of sent."),
    Counter("node_network_transmit_fifo_total", "", "Transmit FIFO overruns."),
    Counter("node_network_transmit_colls_total", "", "Collisions."),
    Counter("node_network_transmit_carrier_total", "",
            "Carrier, abort, window and heartbeat errors."),
    Counter("node_network_transmit_compressed_total", "", "Compressed packets sent."),
    Counter("node_network_receive_nohandler_total", "",
            "Packets received on a standby device and dropped for lack of a handler."),
};
constexpr size_t kColumns = std::size(kMetrics) - 1;
constexpr size_t kNoHandler = kColumns;
constexpr int kHeaderLines = 2;

}  // namespace

struct NetdevSampler::Device {
  bool excluded = false;
  SeriesSet series;
  ProcFile no_handler;
};

NetdevSampler::NetdevSampler(const std::string& procfs, const std::string& sysfs,
                             NameFilter exclude)
    : file_(procfs + "/net/dev"), sysfs_(sysfs), exclude_(std::move(exclude)) {}

NetdevSampler::~NetdevSampler() = default;

std::span<const MetricDescriptor> NetdevSampler::metrics() const { return kMetrics; }

// "  eth0: 32476104 852 0 ..."; the number may follow the colon without a blank.
absl::Status NetdevSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file_.Read(&text));
  for (int i = 0; i < kHeaderLines; ++i) {
    TakeLine(&text);
  }
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const size_t colon = line.rfind(':');  // "eth0:1" was a device once
    if (colon == std::string_view::npos) {
      return Fail(absl::StatusCode::kDataLoss, "reading {}: field face is missing in '{}'",
                  file_.path(), line.substr(0, 40));
    }
    const std::string_view name = Trim(line.substr(0, colon));
    line.remove_prefix(colon + 1);
    Device* device = devices_.Find(name);
    if (device == nullptr) {
      device = devices_.Add(
          name,
          std::make_unique<Device>(Device{
              exclude_.Matches(name), SeriesSet(kMetrics, {std::string(name)}),
              ProcFile(fmt::format("{}/class/net/{}/statistics/rx_nohandler", sysfs_, name))}));
    }
    if (!device->excluded) {
      RONDA_RETURN_IF_ERROR(SampleDevice(name, line, *device, table));
    }
  }
  devices_.EndRun();
  return absl::OkStatus();
}

absl::Status NetdevSampler::SampleDevice(std::string_view name, std::string_view fields,
                                         Device& device, SeriesTable& table) {
  uint64_t value = 0;
  for (size_t i = 0; i < kColumns; ++i) {
    const std::string_view field = TakeField(&fields);
    if (!ParseUint(field, &value)) {
      return BadField(file_.path(), fmt::format("{} {}", name, kMetrics[i].name), field);
    }
    device.series.Set(table, i, static_cast<double>(value));
  }
  std::string_view text;
  if (device.no_handler.TryRead(&text) == 0) {
    if (!ParseUint(Trim(text), &value)) {
      return BadField(device.no_handler.path(), "rx_nohandler", Trim(text));
    }
    device.series.Set(table, kNoHandler, static_cast<double>(value));
  }
  return absl::OkStatus();
}

}  // namespace ronda::agent
