#include "agent/samplers/host/netclass.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <vector>

#include "agent/samplers/host/proc_file.h"
#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor Gauge(std::string_view name, std::string_view help,
                                 std::string_view unit = "") {
  return {name, MetricType::kGauge, unit, "device", help};
}
constexpr MetricDescriptor Counter(std::string_view name, std::string_view help) {
  return {name, MetricType::kCounter, "", "device", help};
}

// Documentation/ABI/testing/sysfs-class-net. The numbers first, in the order of kFiles.
constexpr MetricDescriptor kMetrics[] = {
    Gauge("node_network_address_assign_type", "How the address was assigned."),
    Gauge("node_network_carrier", "1 if there is a carrier."),
    Counter("node_network_carrier_changes_total", "Times the carrier came or went."),
    Counter("node_network_carrier_up_changes_total", "Times the carrier came."),
    Counter("node_network_carrier_down_changes_total", "Times the carrier went."),
    Gauge("node_network_device_id", "Number of the device among those that share a card."),
    Gauge("node_network_dormant", "1 if the device waits for an outside event."),
    Gauge("node_network_flags", "Flags of the device (IFF_*)."),
    Gauge("node_network_iface_id", "Index of the device."),
    Gauge("node_network_iface_link", "Index of the device that this one is linked to."),
    Gauge("node_network_iface_link_mode", "Policy of the device's state."),
    Gauge("node_network_mtu_bytes", "Largest packet.", "bytes"),
    Gauge("node_network_name_assign_type", "How the name was assigned."),
    Gauge("node_network_net_dev_group", "Group of the device."),
    Gauge("node_network_speed_bytes", "Speed of the link, in bytes a second.", "bytes"),
    Gauge("node_network_transmit_queue_length", "Length of the transmit queue."),
    Gauge("node_network_protocol_type", "Protocol of the link (ARPHRD_*)."),
    Gauge("node_network_up", "1 if the device is up."),
    {"node_network_info", MetricType::kGauge, "",
     "address,broadcast,device,duplex,ifalias,operstate", "State of the device; always 1."},
};
constexpr std::string_view kFiles[] = {
    "addr_assign_type",
    "carrier",
    "carrier_changes",
    "carrier_up_count",
    "carrier_down_count",
    "dev_id",
    "dormant",
    "flags",
    "ifindex",
    "iflink",
    "link_mode",
    "mtu",
    "name_assign_type",
    "netdev_group",
    "speed",
    "tx_queue_len",
    "type",
};
constexpr size_t kNumbers = std::size(kFiles);
constexpr size_t kSpeed = 14;
static_assert(kFiles[kSpeed] == "speed" && kMetrics[kSpeed].name == "node_network_speed_bytes");
constexpr size_t kUp = kNumbers;
constexpr size_t kInfo = kNumbers + 1;

// In the order of the labels of node_network_info, without the device.
constexpr std::string_view kTexts[] = {"address", "broadcast", "duplex", "ifalias", "operstate"};
constexpr size_t kTextCount = std::size(kTexts);
constexpr size_t kOperstate = 4;

constexpr double kBytesPerMegabit = 1e6 / 8;

// Decimal, or hexadecimal with 0x.
bool ParseNumber(std::string_view text, double* value) {
  if (text.starts_with("0x")) {
    uint64_t hex = 0;
    const bool ok = ParseHex(text.substr(2), &hex);
    *value = static_cast<double>(hex);
    return ok;
  }
  int64_t number = 0;
  const bool ok = ParseInt(text, &number);
  *value = static_cast<double>(number);
  return ok;
}

std::vector<ProcFile> OpenAll(const std::string& folder, std::span<const std::string_view> names) {
  std::vector<ProcFile> files;
  files.reserve(names.size());
  for (const std::string_view name : names) {
    files.emplace_back(fmt::format("{}/{}", folder, name));
  }
  return files;
}

}  // namespace

struct NetclassSampler::Device {
  Device(const std::string& path, std::string_view name)
      : numbers(OpenAll(fmt::format("{}/{}", path, name), kFiles)),
        texts(OpenAll(fmt::format("{}/{}", path, name), kTexts)),
        series(kMetrics, {std::string(name)}) {}

  std::vector<ProcFile> numbers;
  std::vector<ProcFile> texts;
  SeriesSet series;
};

NetclassSampler::NetclassSampler(const std::string& sysfs) : path_(sysfs + "/class/net") {}

NetclassSampler::~NetclassSampler() = default;

std::span<const MetricDescriptor> NetclassSampler::metrics() const { return kMetrics; }

absl::Status NetclassSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  if (dir_ == nullptr) {
    dir_.reset(opendir(path_.c_str()));
    if (dir_ == nullptr) {
      return ErrnoStatus(errno, "opening " + path_);
    }
  }
  rewinddir(dir_.get());
  for (const dirent* entry = readdir(dir_.get()); entry != nullptr; entry = readdir(dir_.get())) {
    const std::string_view name = entry->d_name;
    // bonding_masters is a file; devices are links (folders in recorded trees).
    if (name.starts_with('.') || entry->d_type == DT_REG) {
      continue;
    }
    RONDA_RETURN_IF_ERROR(SampleDevice(name, table));
  }
  devices_.EndRun();
  return absl::OkStatus();
}

absl::Status NetclassSampler::SampleDevice(std::string_view name, SeriesTable& table) {
  Device* device = devices_.Find(name);
  if (device == nullptr) {
    device = devices_.Add(name, std::make_unique<Device>(path_, name));
  }
  RONDA_RETURN_IF_ERROR(SampleNumbers(*device, table));
  SampleTexts(name, *device, table);
  return absl::OkStatus();
}

absl::Status NetclassSampler::SampleNumbers(Device& device, SeriesTable& table) {
  for (size_t i = 0; i < kNumbers; ++i) {
    ProcFile& file = device.numbers[i];
    std::string_view text;
    // An attribute that does not apply (the carrier of a device that is down, the speed of a
    // virtual one) gives EINVAL.
    if (file.TryRead(&text) != 0) {
      continue;
    }
    double value = 0;
    if (!ParseNumber(Trim(text), &value)) {
      return BadField(file.path(), kFiles[i], Trim(text));
    }
    device.series.Set(table, i, i == kSpeed ? value * kBytesPerMegabit : value);
  }
  return absl::OkStatus();
}

void NetclassSampler::SampleTexts(std::string_view name, Device& device, SeriesTable& table) {
  std::array<std::string_view, kTextCount> texts;
  for (size_t i = 0; i < kTextCount; ++i) {
    device.texts[i].TryRead(&texts[i]);  // each file has a buffer of its own
    texts[i] = Trim(texts[i]);
  }
  if (texts[kOperstate].empty()) {
    return;  // the device has just gone
  }
  device.series.Set(table, kUp, texts[kOperstate] == "up" ? 1 : 0);
  table.Set(table.Declare(kMetrics[kInfo],
                          {texts[0], texts[1], name, texts[2], texts[3], texts[kOperstate]}),
            1);
}

}  // namespace ronda::agent
