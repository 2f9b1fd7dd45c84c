// Space and inodes of mounted file systems.
#pragma once

#include <sys/vfs.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/samplers/host/mount_table.h"
#include "agent/samplers/host/remote_statfs.h"
#include "agent/samplers/host/series_set.h"
#include "agent/samplers/sampler.h"
#include "common/base/clock.h"

namespace ronda::agent {

// Local file systems are asked in the tick; those whose server may hang on threads of their own.
// One that gives no answer has node_filesystem_device_error 1 and no values.
class FilesystemSampler : public Sampler {
 public:
  // `rootfs` is where the mount points are found; `statfs` is the system's but in tests.
  FilesystemSampler(const std::string& procfs, const std::string& rootfs, NameFilter exclude_points,
                    NameFilter exclude_types, const Clock& clock, StatfsFunction statfs);
  ~FilesystemSampler() override;

  std::string_view name() const override { return "filesystem"; }
  std::span<const MetricDescriptor> metrics() const override;
  absl::Status Sample(int64_t t_ms, SeriesTable& table) override;

 private:
  struct Entry;

  void MakeEntries();
  static void SetValues(const struct statfs& info, Entry& entry, SeriesTable& table);

  const std::string rootfs_;
  const Clock& clock_;
  const StatfsFunction statfs_;
  MountTable mounts_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace ronda::agent
