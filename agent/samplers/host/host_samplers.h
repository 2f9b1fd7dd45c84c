// All samplers of the host, put together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/samplers/sampler.h"
#include "common/base/clock.h"

namespace ronda::agent {

struct HostOptions {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";  // where mount points, os-release and udev's database are found

  // Regular expressions (RE2) of what is left out; the defaults are node_exporter's.
  std::string mount_points_exclude =
      R"(^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/))";
  std::string fs_types_exclude =
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
      "iso9660|"
      "mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|"
      "tracefs)$";
  std::string disks_exclude = R"(^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)";
  std::string network_devices_exclude = "^lo$";

  std::vector<std::string> disabled;  // names of samplers
};

// node_exporter's names for what it says of its collectors.
inline constexpr ScrapeMetrics kNodeScrapeMetrics = {
    {"node_scrape_collector_duration_seconds", MetricType::kGauge, "seconds", "collector",
     "The same as ronda_sampler_duration_seconds."},
    {"node_scrape_collector_success", MetricType::kGauge, "", "collector",
     "The same as ronda_sampler_success."},
};

// kInvalidArgument if an expression does not compile or a name in `disabled` is no sampler's: the
// check that --check-config makes.
absl::Status ValidateHostOptions(const HostOptions& options);

// In a fixed order. Errors as ValidateHostOptions(). `clock` must outlive the samplers.
absl::StatusOr<std::vector<std::unique_ptr<Sampler>>> NewHostSamplers(const HostOptions& options,
                                                                      const Clock& clock);

}  // namespace ronda::agent
