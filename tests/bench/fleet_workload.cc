// ronda-bench fleet: what many agents at one second cost one collector.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "collector/query/remote_api.h"
#include "common/base/status.h"
#include "tests/bench/fleet_check.h"
#include "tests/bench/fleet_collector.h"
#include "tests/bench/fleet_load.h"
#include "tests/bench/fleet_trust.h"
#include "tests/bench/host_capture.h"
#include "tests/bench/percentile.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

constexpr int64_t kConnectSeconds = 300;
constexpr int64_t kDrainSeconds = 30;
constexpr int64_t kStormSeconds = 120;

struct Figures {
  double connect_seconds = 0;
  double connect_cpu_ms = 0;  // of the collector, for each agent
  double seconds = 0;
  double cores = 0;
  double own_cores = 0;
  double rss_mib = 0;
  double peak_rss_mib = 0;
  double samples_per_second = 0;
  double wire_bytes_per_sample = 0;
  double acks_per_frame = 0;
  double ack_p50_ms = 0;
  double ack_p99_ms = 0;
  double late_p99_ms = 0;
  double storm_seconds = 0;
};

class Fleet {
 public:
  explicit Fleet(const FleetWorkload& workload)
      : workload_(workload), data_(workload.data.empty() ? dir_.File("data") : workload.data) {}

  absl::Status Run() {
    RONDA_ASSIGN_OR_RETURN(const HostCapture capture, LoadHostCapture(TestData("host_capture")));
    set_ = MakeHostSet(capture, workload_.agents, workload_.series, workload_.seed);
    if (workload_.tls) {
      RONDA_ASSIGN_OR_RETURN(trust_, FleetTrust::Make(data_, workload_.agents));
    }
    RONDA_ASSIGN_OR_RETURN(collector_, FleetCollector::Start({.dir = dir_.path(),
                                                              .data = data_,
                                                              .agents = workload_.agents,
                                                              .tls = workload_.tls,
                                                              .rules = FleetRules()}));
    FleetOptions options;
    options.trust = trust_.get();
    options.port = collector_->port();
    options.agents = workload_.agents;
    options.connects_per_second = workload_.connects_per_second;
    load_ = std::make_unique<FleetLoad>(set_, options);
    RONDA_RETURN_IF_ERROR(Connect());
    load_->Run(workload_.warm_up_seconds);
    Measure();
    if (workload_.storm) {
      figures_.storm_seconds = load_->Storm(kStormSeconds);
      load_->Run(10);
    }
    load_->Finish(kDrainSeconds);
    figures_.peak_rss_mib = PeakRssMibOf(collector_->pid());
    const auto api = query::NewRemoteApi({.address = "unix:" + collector_->socket()});
    RONDA_ASSIGN_OR_RETURN(verdict_, CheckFleet(*api, set_, *load_));
    return collector_->Stop();
  }

  // True: all that was acknowledged is there, and nothing else.
  bool Report() const {
    const FleetTally& tally = load_->tally();
    fmt::print(
        "{} agents x {} series, {} s{}: {:.0f} samples/s\n"
        "  all connected      after {:.1f} s, {:.2f} ms of the collector's CPU each\n"
        "  collector          {:.3f} core, {:.0f} MiB RSS ({:.0f} at most)\n"
        "  acknowledged in    p50 {:.1f} ms, p99 {:.1f} ms ({:.2f} acks a frame)\n"
        "  wire               {:.2f} bytes a sample, both ways\n"
        "  read back          {} samples right, {} lost, {} duplicated, {} wrong\n"
        "  load generator     {:.3f} core, p99 {:.1f} ms late, {} streams ended, {} refused\n",
        workload_.agents, workload_.series, workload_.seconds, workload_.tls ? ", TLS" : "",
        figures_.samples_per_second, figures_.connect_seconds, figures_.connect_cpu_ms,
        figures_.cores, figures_.rss_mib, figures_.peak_rss_mib, figures_.ack_p50_ms,
        figures_.ack_p99_ms, figures_.acks_per_frame, figures_.wire_bytes_per_sample,
        verdict_.samples, verdict_.lost, verdict_.duplicated, verdict_.wrong, figures_.own_cores,
        figures_.late_p99_ms, tally.ended, tally.rejected);
    if (workload_.storm) {
      fmt::print("  all cut at once    all back after {:.1f} s\n", figures_.storm_seconds);
    }
    for (const std::string& example : {tally.example, verdict_.example}) {
      if (!example.empty()) {
        fmt::print("  first complaint    {}\n", example);
      }
    }
    nlohmann::json line = {{"workload", "fleet"},
                           {"agents", workload_.agents},
                           {"series", workload_.series},
                           {"seconds", workload_.seconds},
                           {"samples_per_second", figures_.samples_per_second},
                           {"collector_cores", figures_.cores},
                           {"collector_rss_mib", figures_.rss_mib},
                           {"collector_peak_rss_mib", figures_.peak_rss_mib},
                           {"ack_p50_ms", figures_.ack_p50_ms},
                           {"ack_p99_ms", figures_.ack_p99_ms},
                           {"acks_per_frame", figures_.acks_per_frame},
                           {"wire_bytes_per_sample", figures_.wire_bytes_per_sample},
                           {"lost", verdict_.lost},
                           {"duplicated", verdict_.duplicated},
                           {"wrong", verdict_.wrong},
                           {"unasked_acks", tally.unasked},
                           {"rejected", tally.rejected},
                           {"streams_ended", tally.ended},
                           {"generator_cores", figures_.own_cores},
                           {"generator_late_p99_ms", figures_.late_p99_ms},
                           {"connect_seconds", figures_.connect_seconds},
                           {"connect_cpu_ms", figures_.connect_cpu_ms},
                           {"tls", workload_.tls}};
    if (workload_.storm) {
      line["storm_seconds"] = figures_.storm_seconds;
    }
    fmt::print("{}\n", line.dump());
    return verdict_.lost == 0 && verdict_.duplicated == 0 && verdict_.wrong == 0 &&
           tally.unasked == 0;
  }

 private:
  absl::Status Connect() {
    const double cpu_before = CpuSecondsOf(collector_->pid());
    const auto start = std::chrono::steady_clock::now();
    RONDA_RETURN_IF_ERROR(load_->ConnectAll(kConnectSeconds));
    figures_.connect_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    figures_.connect_cpu_ms =
        (CpuSecondsOf(collector_->pid()) - cpu_before) * 1000 / workload_.agents;
    return absl::OkStatus();
  }

  void Measure() {
    FleetTally& tally = load_->tally();
    load_->TakeLateness();
    Process perf;
    if (!workload_.profile.empty()) {
      perf.Start({"perf", "record", "-F", "500", "-g", "-o", workload_.profile, "-p",
                  std::to_string(collector_->pid())});
    }
    const FleetTally before = tally;
    const int64_t wire_before = load_->wire_bytes();
    const double cpu_before = CpuSecondsOf(collector_->pid());
    const double own_before = OwnCpuSeconds();
    const auto start = std::chrono::steady_clock::now();
    tally.keep_ack_ms = true;
    load_->Run(workload_.seconds);
    tally.keep_ack_ms = false;
    figures_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    figures_.cores = (CpuSecondsOf(collector_->pid()) - cpu_before) / figures_.seconds;
    figures_.own_cores = (OwnCpuSeconds() - own_before) / figures_.seconds;
    figures_.rss_mib = CostOf(collector_->pid()).rss_mib;
    const auto samples = static_cast<double>(tally.samples - before.samples);
    const auto acknowledged = static_cast<double>(tally.acknowledged - before.acknowledged);
    figures_.samples_per_second = acknowledged * workload_.series / figures_.seconds;
    figures_.wire_bytes_per_sample =
        static_cast<double>(load_->wire_bytes() - wire_before) / std::max(1.0, samples);
    figures_.acks_per_frame =
        static_cast<double>(tally.acks - before.acks) / std::max(1.0, acknowledged);
    figures_.ack_p50_ms = Percentile(&tally.ack_ms, 0.5);
    figures_.ack_p99_ms = Percentile(&tally.ack_ms, 0.99);
    std::vector<float> late = load_->TakeLateness();
    figures_.late_p99_ms = Percentile(&late, 0.99);
    if (perf.running()) {
      perf.Signal(SIGINT);
      perf.Wait(60'000);
    }
  }

  const FleetWorkload workload_;
  TempDir dir_;
  const std::string data_;
  ScaleSet set_;
  std::unique_ptr<FleetCollector> collector_;
  std::unique_ptr<FleetTrust> trust_;  // null: plain text
  std::unique_ptr<FleetLoad> load_;
  Figures figures_;
  FleetVerdict verdict_;
};

}  // namespace

int RunFleet(const FleetWorkload& workload) {
  Fleet fleet(workload);
  if (absl::Status status = fleet.Run(); !status.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(status));
    return 1;
  }
  return fleet.Report() ? 0 : 1;
}

}  // namespace ronda::bench
