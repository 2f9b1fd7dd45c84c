#include "tests/bench/fleet_collector.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <vector>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

// Children inherit it.
absl::Status RaiseFileLimit(int agents) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const auto needed = static_cast<rlim_t>(agents) + 200;
  return limit.rlim_cur >= needed
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kResourceExhausted,
                    "{} agents need {} open files, the limit is {}: see `ulimit -n`", agents,
                    needed, limit.rlim_cur);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FleetCollector>> FleetCollector::Start(
    const FleetCollectorOptions& options) {
  RONDA_RETURN_IF_ERROR(RaiseFileLimit(options.agents));
  const std::string rules = options.dir + "/rules";
  const std::string config = options.dir + "/collector.yml";
  const std::string address_file = options.dir + "/address";
  RONDA_RETURN_IF_ERROR(MakeDirectories(rules));
  std::ofstream(rules + "/fleet.yml") << options.rules;
  std::ofstream(config) << fmt::format("limits:\n  max_agents: {}\n", options.agents + 100)
                        << options.more;
  std::unique_ptr<FleetCollector> collector(new FleetCollector);
  collector->socket_ = options.dir + "/s";
  std::vector<std::string> argv = {ProgramPath("ronda-collector"),
                                   "--config",
                                   config,
                                   "--data",
                                   options.data,
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--socket",
                                   collector->socket_,
                                   "--rules",
                                   rules,
                                   "--print-address",
                                   address_file,
                                   "--log-level",
                                   "error"};
  if (!options.tls) {
    argv.emplace_back("--insecure");
  }
  collector->process_.Start(argv);
  std::string address;
  const bool ready = Eventually(60'000, [&] {
    address = ReadFile(address_file).value_or("");
    return address.ends_with('\n') || !collector->process_.running();
  });
  if (!ready || address.empty()) {
    return Fail(absl::StatusCode::kUnavailable, "the collector did not start");
  }
  collector->port_ = std::stoi(address.substr(address.rfind(':') + 1));
  return collector;
}

absl::Status FleetCollector::Stop() {
  process_.Signal(SIGTERM);
  const int code = process_.Wait(120'000);
  return code == 0 ? absl::OkStatus()
                   : Fail(absl::StatusCode::kInternal, "the collector ended with {}", code);
}

}  // namespace ronda::bench
