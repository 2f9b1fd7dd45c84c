// ronda-bench hostile: what a client that means it ill costs the others.
//
// A fleet goes on all the while. Rounds of calm and rounds with one hostile client alternate, so
// that what else the machine does falls on both; the client has a process of its own with the
// lowest priority, since it would have a machine of its own.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/fleet_collector.h"
#include "tests/bench/fleet_load.h"
#include "tests/bench/host_capture.h"
#include "tests/bench/hostile_client.h"
#include "tests/bench/percentile.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

constexpr int64_t kConnectSeconds = 120;
constexpr int64_t kDrainSeconds = 30;

class Hostile {
 public:
  explicit Hostile(const HostileWorkload& workload) : workload_(workload) {}

  absl::Status Run() {
    RONDA_ASSIGN_OR_RETURN(const HostCapture capture, LoadHostCapture(TestData("host_capture")));
    set_ = MakeHostSet(capture, workload_.agents + 1, workload_.series, 1);
    if (workload_.tls) {
      RONDA_ASSIGN_OR_RETURN(trust_, FleetTrust::Make(dir_.File("data"), workload_.agents + 1));
    }
    RONDA_ASSIGN_OR_RETURN(collector_, FleetCollector::Start({.dir = dir_.path(),
                                                              .data = dir_.File("data"),
                                                              .agents = workload_.agents + 400,
                                                              .tls = workload_.tls,
                                                              .rules = FleetRules()}));
    FleetOptions options;
    options.trust = trust_.get();
    options.port = collector_->port();
    options.agents = workload_.agents;
    load_ = std::make_unique<FleetLoad>(set_, options);
    target_ = {collector_->port(), trust_.get(), &set_, workload_.agents, MakeBomb()};
    RONDA_RETURN_IF_ERROR(load_->ConnectAll(kConnectSeconds));
    load_->Run(workload_.warm_up_seconds);
    calm_rss_mib_ = CostOf(collector_->pid()).rss_mib;
    for (const HostileKind& kind : HostileKinds()) {
      if (workload_.only.empty() || workload_.only == kind.name) {
        rows_.push_back(Measure(kind));
      }
    }
    load_->Finish(kDrainSeconds);
    return collector_->Stop();
  }

  // True: no other agent was refused or cut off.
  bool Report() const {
    fmt::print("{} agents x {} series{}; {} rounds of {} s each, calm and hostile in turn\n",
               workload_.agents, workload_.series, workload_.tls ? ", TLS" : "", workload_.rounds,
               workload_.seconds);
    fmt::print("{:<10}{:>14}{:>14}{:>10}{:>14}{:>8}{:>10}  {}\n", "client", "calm p50/p99",
               "with p50/p99", "p99 ratio", "each round", "core", "RSS MiB", "what it does");
    nlohmann::json line = {{"workload", "hostile"},
                           {"agents", workload_.agents},
                           {"series", workload_.series},
                           {"tls", workload_.tls},
                           {"calm_rss_mib", calm_rss_mib_}};
    for (const Row& row : rows_) {
      fmt::print("{:<10}{:>14}{:>14}{:>10.2f}{:>14}{:>8.3f}{:>+10.1f}  {}\n", row.kind->name,
                 fmt::format("{:.1f} {:.1f}", row.calm_p50, row.calm_p99),
                 fmt::format("{:.1f} {:.1f}", row.p50, row.p99), row.p99 / row.calm_p99,
                 fmt::format("{:.2f} ..{:.2f}", row.median_ratio, row.worst_ratio), row.cores,
                 row.rss_mib - calm_rss_mib_, row.kind->what);
      line["clients"][row.kind->name] = {
          {"calm_p99_ms", row.calm_p99},     {"p99_ms", row.p99},
          {"ratio", row.p99 / row.calm_p99}, {"median_ratio", row.median_ratio},
          {"calm_cores", row.calm_cores},    {"cores", row.cores},
          {"rss_mib", row.rss_mib}};
    }
    const FleetTally tally = load_ == nullptr ? FleetTally() : load_->tally();
    line["streams_ended"] = tally.ended;
    line["rejected"] = tally.rejected;
    if (!tally.example.empty()) {
      fmt::print("first complaint: {}\n", tally.example);
    }
    fmt::print("{}\n", line.dump());
    return tally.ended == 0 && tally.rejected == 0;
  }

 private:
  struct Row {
    const HostileKind* kind = nullptr;
    double calm_p50 = 0;
    double calm_p99 = 0;
    double calm_cores = 0;
    double p50 = 0;
    double p99 = 0;
    double median_ratio = 0;  // of the p99 of a round to that of the calm before it
    double worst_ratio = 0;
    double cores = 0;
    double rss_mib = 0;
  };

  std::vector<float> Round(double* cpu_seconds) {
    FleetTally& tally = load_->tally();
    const double before = CpuSecondsOf(collector_->pid());
    tally.ack_ms.clear();
    tally.keep_ack_ms = true;
    load_->Run(workload_.seconds);
    tally.keep_ack_ms = false;
    *cpu_seconds += CpuSecondsOf(collector_->pid()) - before;
    return tally.ack_ms;
  }

  Row Measure(const HostileKind& kind) {
    Row row;
    row.kind = &kind;
    std::vector<float> calm;
    std::vector<float> hostile;
    std::vector<double> ratios;
    double calm_cpu = 0;
    double cpu = 0;
    for (int i = 0; i < workload_.rounds; ++i) {
      std::vector<float> before = Round(&calm_cpu);
      const pid_t client = StartClient(kind);
      std::vector<float> with = Round(&cpu);
      row.rss_mib = std::max(row.rss_mib, CostOf(collector_->pid()).rss_mib);
      kill(client, SIGKILL);
      waitpid(client, nullptr, 0);
      load_->Run(1);  // what it left behind
      ratios.push_back(Percentile(&with, 0.99) / std::max(0.001, Percentile(&before, 0.99)));
      calm.insert(calm.end(), before.begin(), before.end());
      hostile.insert(hostile.end(), with.begin(), with.end());
    }
    const double seconds = static_cast<double>(workload_.seconds) * workload_.rounds;
    row.calm_cores = calm_cpu / seconds;
    row.cores = cpu / seconds;
    row.calm_p50 = Percentile(&calm, 0.5);
    row.calm_p99 = Percentile(&calm, 0.99);
    row.p50 = Percentile(&hostile, 0.5);
    row.p99 = Percentile(&hostile, 0.99);
    std::sort(ratios.begin(), ratios.end());
    row.median_ratio = ratios[ratios.size() / 2];
    row.worst_ratio = ratios.back();
    return row;
  }

  // In a copy of this process, which has one thread: certificates and samples are there already.
  pid_t StartClient(const HostileKind& kind) const {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      setpriority(PRIO_PROCESS, 0, 19);
      kind.run(target_);
      _exit(0);
    }
    return pid;
  }

  const HostileWorkload workload_;
  TempDir dir_;
  ScaleSet set_;
  std::unique_ptr<FleetCollector> collector_;
  std::unique_ptr<FleetTrust> trust_;  // null: plain text
  std::unique_ptr<FleetLoad> load_;
  HostileTarget target_;
  double calm_rss_mib_ = 0;
  std::vector<Row> rows_;
};

}  // namespace

int RunHostile(const HostileWorkload& workload) {
  Hostile hostile(workload);
  const absl::Status status = hostile.Run();
  const bool fine = hostile.Report();  // also of what was measured before something failed
  if (!status.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(status));
  }
  return status.ok() && fine ? 0 : 1;
}

}  // namespace ronda::bench
