#include "agent/samplers/host/uname.h"

#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace ronda::agent {
namespace {

constexpr MetricDescriptor kMetrics[] = {
    {"node_uname_info", MetricType::kGauge, "",
     "domainname,machine,nodename,release,sysname,version", "What uname(2) says; always 1."},
};

}  // namespace

std::span<const MetricDescriptor> UnameSampler::metrics() const { return kMetrics; }

absl::Status UnameSampler::Sample(int64_t /*t_ms*/, SeriesTable& table) {
  utsname now{};
  if (uname(&now) != 0) {
    return ErrnoStatus(errno, "calling uname");
  }
  // The host's name may change while it runs.
  if (generation_ != table.generation() || std::memcmp(&now, &last_, sizeof(now)) != 0) {
    series_ = table.Declare(kMetrics[0], {now.domainname, now.machine, now.nodename, now.release,
                                          now.sysname, now.version});
    generation_ = table.generation();
    last_ = now;
  }
  table.Set(series_, 1);
  return absl::OkStatus();
}

}  // namespace ronda::agent
