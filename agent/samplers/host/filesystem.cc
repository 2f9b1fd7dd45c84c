#include "agent/samplers/host/filesystem.h"

#include <algorithm>
#include <utility>

#include "agent/samplers/host/text.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr std::string_view kLabels = "device,fstype,mountpoint";

constexpr MetricDescriptor Gauge(std::string_view name, std::string_view unit,
                                 std::string_view help) {
  return {name, MetricType::kGauge, unit, kLabels, help};
}

enum Metric : size_t {
  kSize,
  kFree,
  kAvail,
  kFiles,
  kFilesFree,
  kReadOnly,
  kError,
  kUsage,
  kInodesUsage,
};
constexpr MetricDescriptor kMetrics[] = {
    Gauge("node_filesystem_size_bytes", "bytes", "Size of the file system."),
    Gauge("node_filesystem_free_bytes", "bytes", "Bytes not in use."),
    Gauge("node_filesystem_avail_bytes", "bytes", "Bytes that users other than root may take."),
    Gauge("node_filesystem_files", "", "Inodes."),
    Gauge("node_filesystem_files_free", "", "Inodes not in use."),
    Gauge("node_filesystem_readonly", "", "1 if it is mounted read-only."),
    Gauge("node_filesystem_device_error", "", "1 if statfs failed or has not returned."),
    Gauge("ronda_filesystem_usage_percent", "percent",
          "Bytes in use of those that users other than root can use, as df shows it."),
    Gauge("ronda_filesystem_inodes_usage_percent", "percent",
          "Inodes in use of all; absent where their number is not fixed."),
};

}  // namespace

struct FilesystemSampler::Entry {
  Mount mount;
  std::string path;
  SeriesSet series;
  std::unique_ptr<RemoteStatfs> remote;  // null for local ones
};

FilesystemSampler::FilesystemSampler(const std::string& procfs, const std::string& rootfs,
                                     NameFilter exclude_points, NameFilter exclude_types,
                                     const Clock& clock, StatfsFunction statfs)
    : rootfs_(rootfs == "/" ? "" : rootfs),
      clock_(clock),
      statfs_(std::move(statfs)),
      mounts_(procfs + "/self/mountinfo", std::move(exclude_points), std::move(exclude_types)) {}

FilesystemSampler::~FilesystemSampler() = default;

std::span<const MetricDescriptor> FilesystemSampler::metrics() const { return kMetrics; }

absl::Status FilesystemSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  bool changed = false;
  RONDA_RETURN_IF_ERROR(mounts_.Refresh(&changed));
  if (changed) {
    MakeEntries();
  }
  for (const std::unique_ptr<Entry>& entry : entries_) {
    struct statfs info {};
    const RemoteStatfs::State state = entry->remote != nullptr ? entry->remote->Poll(&info)
                                      : statfs_(entry->path, &info) == 0
                                          ? RemoteStatfs::State::kOk
                                          : RemoteStatfs::State::kFailed;
    if (state == RemoteStatfs::State::kPending) {
      continue;
    }
    const bool ok = state == RemoteStatfs::State::kOk;
    entry->series.Set(table, kError, ok ? 0 : 1);
    if (ok) {
      SetValues(info, *entry, table);
    }
  }
  return absl::OkStatus();
}

void FilesystemSampler::MakeEntries() {
  std::vector<std::unique_ptr<Entry>> old = std::move(entries_);
  entries_.clear();
  for (const Mount& mount : mounts_.mounts()) {
    const auto it = std::find_if(old.begin(), old.end(), [&](const auto& entry) {
      return entry != nullptr && entry->mount == mount;
    });
    if (it != old.end()) {
      entries_.push_back(std::move(*it));
      continue;
    }
    auto entry = std::make_unique<Entry>(
        Entry{mount, rootfs_ + mount.mount_point,
              SeriesSet(kMetrics, {mount.device, mount.fs_type, mount.mount_point}), nullptr});
    if (MayHang(mount.fs_type)) {
      entry->remote = std::make_unique<RemoteStatfs>(entry->path, statfs_, clock_);
    }
    entries_.push_back(std::move(entry));
  }
}

void FilesystemSampler::SetValues(const struct statfs& info, Entry& entry, SeriesTable& table) {
  const auto block_bytes = static_cast<double>(info.f_bsize);
  const auto blocks = static_cast<double>(info.f_blocks);
  const auto free = static_cast<double>(info.f_bfree);
  const auto avail = static_cast<double>(info.f_bavail);
  const auto files = static_cast<double>(info.f_files);
  const auto files_free = static_cast<double>(info.f_ffree);
  entry.series.Set(table, kSize, blocks * block_bytes);
  entry.series.Set(table, kFree, free * block_bytes);
  entry.series.Set(table, kAvail, avail * block_bytes);
  entry.series.Set(table, kFiles, files);
  entry.series.Set(table, kFilesFree, files_free);
  entry.series.Set(table, kReadOnly, entry.mount.read_only ? 1 : 0);
  const double used = std::max(blocks - free, 0.0);
  if (used + avail > 0) {
    entry.series.Set(table, kUsage, Round2(100 * used / (used + avail)));
  }
  if (files > 0) {
    entry.series.Set(table, kInodesUsage, Round2(100 * (files - files_free) / files));
  }
}

}  // namespace ronda::agent
