#include "agent/samplers/host/host_samplers.h"

#include <sys/vfs.h>

#include <algorithm>
#include <utility>

#include "agent/samplers/host/arp.h"
#include "agent/samplers/host/conntrack.h"
#include "agent/samplers/host/diskstats.h"
#include "agent/samplers/host/dmi.h"
#include "agent/samplers/host/entropy.h"
#include "agent/samplers/host/filefd.h"
#include "agent/samplers/host/filesystem.h"
#include "agent/samplers/host/hung_tasks.h"
#include "agent/samplers/host/interrupts.h"
#include "agent/samplers/host/loadavg.h"
#include "agent/samplers/host/meminfo.h"
#include "agent/samplers/host/name_filter.h"
#include "agent/samplers/host/netclass.h"
#include "agent/samplers/host/netdev.h"
#include "agent/samplers/host/netstat.h"
#include "agent/samplers/host/os_release.h"
#include "agent/samplers/host/own_process.h"
#include "agent/samplers/host/pressure.h"
#include "agent/samplers/host/processes.h"
#include "agent/samplers/host/schedstat.h"
#include "agent/samplers/host/sock_diag.h"
#include "agent/samplers/host/sockstat.h"
#include "agent/samplers/host/softnet.h"
#include "agent/samplers/host/stat.h"
#include "agent/samplers/host/tcp.h"
#include "agent/samplers/host/time.h"
#include "agent/samplers/host/timex.h"
#include "agent/samplers/host/udp_queues.h"
#include "agent/samplers/host/uname.h"
#include "agent/samplers/host/vmstat.h"
#include "common/base/status.h"

namespace ronda::agent {
namespace {

using Samplers = std::vector<std::unique_ptr<Sampler>>;

struct Filters {
  NameFilter mount_points;
  NameFilter fs_types;
  NameFilter disks;
  NameFilter network_devices;
};

absl::StatusOr<Filters> MakeFilters(const HostOptions& options) {
  Filters filters;
  const std::pair<const std::string*, NameFilter*> all[] = {
      {&options.mount_points_exclude, &filters.mount_points},
      {&options.fs_types_exclude, &filters.fs_types},
      {&options.disks_exclude, &filters.disks},
      {&options.network_devices_exclude, &filters.network_devices},
  };
  for (const auto& [expression, filter] : all) {
    RONDA_ASSIGN_OR_RETURN(*filter, NameFilter::New(*expression));
  }
  return filters;
}

int SystemStatfs(const std::string& path, struct statfs* out) { return statfs(path.c_str(), out); }

Samplers AllSamplers(const HostOptions& o, const Filters& filters, const Clock& clock) {
  Samplers s;
  s.push_back(std::make_unique<StatSampler>(o.procfs));
  s.push_back(std::make_unique<MeminfoSampler>(o.procfs));
  s.push_back(std::make_unique<LoadavgSampler>(o.procfs));
  s.push_back(std::make_unique<VmstatSampler>(o.procfs));
  s.push_back(std::make_unique<PressureSampler>(o.procfs));
  s.push_back(std::make_unique<SchedstatSampler>(o.procfs));
  s.push_back(
      std::make_unique<DiskstatsSampler>(o.procfs, o.rootfs == "/" ? "" : o.rootfs, filters.disks));
  s.push_back(std::make_unique<FilesystemSampler>(o.procfs, o.rootfs, filters.mount_points,
                                                  filters.fs_types, clock, SystemStatfs));
  s.push_back(std::make_unique<FilefdSampler>(o.procfs));
  s.push_back(std::make_unique<NetdevSampler>(o.procfs, o.sysfs, filters.network_devices));
  s.push_back(std::make_unique<NetclassSampler>(o.sysfs));
  s.push_back(std::make_unique<NetstatSampler>(o.procfs));
  s.push_back(std::make_unique<SockstatSampler>(o.procfs));
  s.push_back(std::make_unique<SoftnetSampler>(o.procfs));
  s.push_back(std::make_unique<ArpSampler>(o.procfs));
  s.push_back(std::make_unique<ConntrackSampler>(o.procfs));
  s.push_back(std::make_unique<UdpQueuesSampler>(o.procfs));
  s.push_back(std::make_unique<TcpSampler>(std::make_unique<SockDiag>()));
  s.push_back(std::make_unique<TimeSampler>(o.sysfs, clock));
  s.push_back(std::make_unique<TimexSampler>());
  s.push_back(std::make_unique<EntropySampler>(o.procfs));
  s.push_back(std::make_unique<UnameSampler>());
  s.push_back(std::make_unique<OsSampler>(o.rootfs));
  s.push_back(std::make_unique<DmiSampler>(o.sysfs));
  s.push_back(std::make_unique<HungTasksSampler>(o.procfs));
  s.push_back(std::make_unique<OwnProcessSampler>(o.procfs));
  s.push_back(std::make_unique<InterruptsSampler>(o.procfs));
  s.push_back(std::make_unique<ProcessesSampler>(o.procfs));  // last: the dearest
  return s;
}

}  // namespace

absl::StatusOr<Samplers> NewHostSamplers(const HostOptions& options, const Clock& clock) {
  RONDA_ASSIGN_OR_RETURN(const Filters filters, MakeFilters(options));
  Samplers samplers = AllSamplers(options, filters, clock);
  for (const std::string& name : options.disabled) {
    const size_t before = samplers.size();
    samplers.erase(std::remove_if(samplers.begin(), samplers.end(),
                                  [&](const auto& sampler) { return sampler->name() == name; }),
                   samplers.end());
    if (samplers.size() == before) {
      return Fail(absl::StatusCode::kInvalidArgument, "there is no host sampler called '{}'", name);
    }
  }
  return samplers;
}

absl::Status ValidateHostOptions(const HostOptions& options) {
  const SystemClock clock;
  return NewHostSamplers(options, clock).status();
}

}  // namespace ronda::agent
