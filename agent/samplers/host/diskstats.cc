#include "agent/samplers/host/diskstats.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>
#include <vector>

#include "agent/samplers/host/text.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor Counter(std::string_view name, std::string_view unit,
                                   std::string_view help) {
  return {name, MetricType::kCounter, unit, "device", help};
}

// In the order of the kernel's columns (Documentation/admin-guide/iostats.rst), then the info.
constexpr MetricDescriptor kMetrics[] = {
    Counter("node_disk_reads_completed_total", "", "Reads completed."),
    Counter("node_disk_reads_merged_total", "", "Reads merged with a neighbour."),
    Counter("node_disk_read_bytes_total", "bytes", "Bytes read."),
    Counter("node_disk_read_time_seconds_total", "seconds", "Time all reads took, summed."),
    Counter("node_disk_writes_completed_total", "", "Writes completed."),
    Counter("node_disk_writes_merged_total", "", "Writes merged with a neighbour."),
    Counter("node_disk_written_bytes_total", "bytes", "Bytes written."),
    Counter("node_disk_write_time_seconds_total", "seconds", "Time all writes took, summed."),
    {"node_disk_io_now", MetricType::kGauge, "", "device", "Requests under way."},
    Counter("node_disk_io_time_seconds_total", "seconds", "Time with a request under way."),
    Counter("node_disk_io_time_weighted_seconds_total", "seconds",
            "Time with requests under way, times their number."),
    Counter("node_disk_discards_completed_total", "", "Discards completed."),
    Counter("node_disk_discards_merged_total", "", "Discards merged with a neighbour."),
    Counter("node_disk_discarded_sectors_total", "", "Sectors discarded."),
    Counter("node_disk_discard_time_seconds_total", "seconds", "Time all discards took, summed."),
    Counter("node_disk_flush_requests_total", "", "Flushes completed."),
    Counter("node_disk_flush_requests_time_seconds_total", "seconds",
            "Time all flushes took, summed."),
    {"node_disk_info", MetricType::kGauge, "", "device,major,minor,model,path,revision,serial,wwn",
     "What is known about the device; always 1."},
};
constexpr size_t kColumns = std::size(kMetrics) - 1;
// Kernels before 4.18 have no discards, before 5.5 no flushes.
constexpr size_t kColumnsRequired = 11;
constexpr double kSectorBytes = 512;
constexpr double kMillisecondsPerSecond = 1000;

double InUnit(size_t column, uint64_t value) {
  const auto number = static_cast<double>(value);
  const std::string_view unit = kMetrics[column].unit;
  return unit == "seconds" ? number / kMillisecondsPerSecond
         : unit == "bytes" ? number * kSectorBytes
                           : number;
}

// The value of "E:key=value" in a file of udev's database.
std::string UdevProperty(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    if (line.starts_with("E:") && line.substr(2).starts_with(key) &&
        line.substr(2 + key.size()).starts_with("=")) {
      return std::string(line.substr(3 + key.size()));
    }
  }
  return "";
}

}  // namespace

struct DiskstatsSampler::Disk {
  bool excluded = false;
  std::string major;
  std::string minor;
  SeriesSet counters;
  SeriesSet info;
};

DiskstatsSampler::DiskstatsSampler(const std::string& procfs, const std::string& rootfs,
                                   NameFilter exclude)
    : file_(procfs + "/diskstats"),
      udev_(rootfs + "/run/udev/data"),
      exclude_(std::move(exclude)) {}

DiskstatsSampler::~DiskstatsSampler() = default;

std::span<const MetricDescriptor> DiskstatsSampler::metrics() const { return kMetrics; }

// "254 0 vda 61602 15990 ...".
absl::Status DiskstatsSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  std::string_view text;
  RONDA_RETURN_IF_ERROR(file_.Read(&text));
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const std::string_view major = TakeField(&line);
    const std::string_view minor = TakeField(&line);
    const std::string_view device = TakeField(&line);
    if (device.empty()) {
      return Fail(absl::StatusCode::kDataLoss, "reading {}: field device is missing", file_.path());
    }
    Disk* disk = disks_.Find(device);
    if (disk == nullptr || disk->major != major || disk->minor != minor) {
      disk = disks_.Add(device, NewDisk(major, minor, device));
    }
    if (!disk->excluded) {
      RONDA_RETURN_IF_ERROR(SampleDisk(device, line, *disk, table));
    }
  }
  disks_.EndRun();
  return absl::OkStatus();
}

std::unique_ptr<DiskstatsSampler::Disk> DiskstatsSampler::NewDisk(std::string_view major,
                                                                  std::string_view minor,
                                                                  std::string_view device) const {
  const absl::StatusOr<std::string> udev =
      ReadFile(fmt::format("{}/b{}:{}", udev_, major, minor), 1 << 20);
  const std::string text = udev.value_or("");
  std::vector<std::string> labels = {std::string(device), std::string(major), std::string(minor)};
  for (const std::string_view key :
       {"ID_MODEL", "ID_PATH", "ID_REVISION", "ID_SERIAL_SHORT", "ID_WWN"}) {
    labels.push_back(UdevProperty(text, key));
  }
  return std::make_unique<Disk>(Disk{exclude_.Matches(device), std::string(major),
                                     std::string(minor), SeriesSet(kMetrics, {std::string(device)}),
                                     SeriesSet(kMetrics, std::move(labels))});
}

absl::Status DiskstatsSampler::SampleDisk(std::string_view device, std::string_view fields,
                                          Disk& disk, SeriesTable& table) const {
  for (size_t i = 0; i < kColumns; ++i) {
    const std::string_view field = TakeField(&fields);
    if (field.empty() && i >= kColumnsRequired) {
      break;
    }
    uint64_t value = 0;
    if (!ParseUint(field, &value)) {
      return BadField(file_.path(), fmt::format("{} {}", device, kMetrics[i].name), field);
    }
    disk.counters.Set(table, i, InUnit(i, value));
  }
  disk.info.Set(table, kColumns, 1);
  return absl::OkStatus();
}

}  // namespace ronda::agent
