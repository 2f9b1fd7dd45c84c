// ronda-bench alerts: from a sample taken on a node to a webhook received.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/alert_drill.h"
#include "tests/bench/alert_peer.h"
#include "tests/bench/fleet_collector.h"
#include "tests/bench/fleet_load.h"
#include "tests/bench/host_capture.h"
#include "tests/bench/percentile.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/scrape_targets.h"
#include "tests/bench/workloads.h"
#include "tests/support/http_sink.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

using nlohmann::json;

constexpr int64_t kConnectSeconds = 300;
// After the last alert was raised, for it to end and be told.
constexpr int64_t kAfterSeconds = 5;

// What was measured of one system.
struct Run {
  DrillFigures drill;
  double samples_per_second = 0;
  double cores = 0;
  double rss_mib = 0;
  double warm_rss_mib = 0;  // when the first alert was about to be raised
  double late_p99_ms = 0;   // of the load generator
};

json ToJson(Run* run, bool resolved) {
  DrillFigures& drill = run->drill;
  json out = {{"p50_ms", Percentile(&drill.firing_ms, 0.5)},
              {"p99_ms", Percentile(&drill.firing_ms, 0.99)},
              {"max_ms", Percentile(&drill.firing_ms, 1)},
              {"alerts", drill.raised},
              {"untold", drill.untold},
              {"unasked", drill.unasked},
              {"samples_per_second", run->samples_per_second},
              {"cores", run->cores},
              {"rss_mib", run->rss_mib}};
  if (resolved) {
    out["resolved_p50_ms"] = Percentile(&drill.resolved_ms, 0.5);
    out["resolved_p99_ms"] = Percentile(&drill.resolved_ms, 0.99);
  }
  return out;
}

void Print(const std::string& name, Run* run) {
  DrillFigures& drill = run->drill;
  fmt::print(
      "{:<28} {:>9.0f} samples/s  {:>5} alerts  p50 {:>7.1f} ms  p99 {:>7.1f} ms  max {:>7.1f} ms"
      "  {:.3f} core  {:.0f} MiB\n",
      name, run->samples_per_second, drill.raised, Percentile(&drill.firing_ms, 0.5),
      Percentile(&drill.firing_ms, 0.99), Percentile(&drill.firing_ms, 1), run->cores,
      run->rss_mib);
  if (!drill.example.empty()) {
    fmt::print("  {} not told, {} unasked: {}\n", drill.untold, drill.unasked, drill.example);
  }
}

class Alerts {
 public:
  explicit Alerts(const AlertsWorkload& workload) : workload_(workload) {}

  absl::Status Run() {
    RONDA_ASSIGN_OR_RETURN(capture_, LoadHostCapture(TestData("host_capture")));
    const bool peers = workload_.peers != "none" && AlertPeer::Missing().empty();
    fmt::print("{} agents x {} series, {} rules, {} s, {:.0f} alerts/s\n", workload_.agents,
               workload_.series, workload_.rules, workload_.seconds, workload_.per_second);
    if (workload_.baseline) {
      RONDA_ASSIGN_OR_RETURN(without_, Ronda("without", workload_.agents, 0, 0));
      Print("ronda, without rules", &without_);
    }
    RONDA_ASSIGN_OR_RETURN(full_,
                           Ronda("full", workload_.agents, workload_.rules, workload_.seconds));
    Print("ronda", &full_);
    if (!peers) {
      if (workload_.peers != "none") {
        fmt::print("prometheus, alertmanager     left out: {}\n", AlertPeer::Missing());
      }
      return absl::OkStatus();
    }
    RONDA_ASSIGN_OR_RETURN(
        small_, Ronda("small", workload_.peer_agents, workload_.rules, workload_.seconds));
    Print(fmt::format("ronda, {} agents", workload_.peer_agents), &small_);
    RONDA_ASSIGN_OR_RETURN(peer_, Peer());
    Print("prometheus, alertmanager", &peer_);
    measured_peer_ = true;
    return absl::OkStatus();
  }

  // True: each alert was told once, and its end.
  bool Report() {
    json line = ToJson(&full_, true);
    line["workload"] = "alerts";
    line["agents"] = workload_.agents;
    line["series"] = workload_.series;
    line["rules"] = workload_.rules;
    line["generator_late_p99_ms"] = full_.late_p99_ms;
    if (workload_.baseline) {
      line["rules_rss_mib"] = full_.warm_rss_mib - without_.warm_rss_mib;
      line["rules_cores"] = full_.cores - without_.cores;
    }
    if (measured_peer_) {
      line["at_peers_scale"] = ToJson(&small_, true);
      line["at_peers_scale"]["agents"] = workload_.peer_agents;
      line["peers"]["prometheus"] = ToJson(&peer_, false);
      line["peers"]["prometheus"]["agents"] = workload_.peer_agents;
    }
    fmt::print("{}\n", line.dump());
    return full_.drill.untold == 0 && full_.drill.unasked == 0;
  }

 private:
  using Figures = bench::Run;

  // With no rules nothing is raised: what the fleet costs alone, in ten seconds.
  absl::StatusOr<Figures> Ronda(const std::string& name, int agents, int rules, int64_t seconds) {
    const ScaleSet set = MakeHostSet(capture_, agents, workload_.series, workload_.seed);
    const HttpSink sink;
    const std::string dir = dir_.File(name);
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir));
    RONDA_ASSIGN_OR_RETURN(
        const auto collector,
        FleetCollector::Start({.dir = dir,
                               .data = dir + "/data",
                               .agents = agents,
                               .rules = DrillRules(set, rules),
                               .more = fmt::format("flapping: {{changes: 0}}\nchannels:\n  - name: "
                                                   "hook\n    type: webhook\n    url: {}\n",
                                                   sink.url())}));
    AlertDrill drill(set, agents, workload_.per_second, workload_.seed);
    bool drilling = false;
    FleetOptions options;
    options.port = collector->port();
    options.agents = agents;
    options.connects_per_second = workload_.connects_per_second;
    options.before_tick = [&](FleetAgent& agent, int64_t due_ns) {
      if (drilling && agent.welcomed()) {
        agent.Replace(drill.Before(agent.node(), due_ns));
      }
    };
    FleetLoad load(set, options);
    RONDA_RETURN_IF_ERROR(load.ConnectAll(kConnectSeconds));
    load.Run(workload_.warm_up_seconds);
    Figures figures;
    figures.warm_rss_mib = CostOf(collector->pid()).rss_mib;
    load.TakeLateness();
    drilling = rules > 0;
    const int64_t samples_before = load.tally().samples;
    const double cpu_before = CpuSecondsOf(collector->pid());
    const auto start = std::chrono::steady_clock::now();
    load.Run(seconds > 0 ? seconds : 10);
    const double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    figures.cores = (CpuSecondsOf(collector->pid()) - cpu_before) / took;
    figures.samples_per_second = static_cast<double>(load.tally().samples - samples_before) / took;
    figures.rss_mib = CostOf(collector->pid()).rss_mib;
    std::vector<float> late = load.TakeLateness();
    figures.late_p99_ms = Percentile(&late, 0.99);
    drill.StopRaising();
    if (drilling) {
      load.Run(kAfterSeconds);
    }
    load.Finish(kAfterSeconds);
    RONDA_RETURN_IF_ERROR(collector->Stop());
    figures.drill = drill.Judge(sink.requests(), true);
    return figures;
  }

  // Its alerts end a second later too, but are told to only after group_interval: left out.
  absl::StatusOr<Figures> Peer() {
    const int nodes = workload_.peer_agents;
    const ScaleSet set = MakeHostSet(capture_, nodes, workload_.series, workload_.seed);
    const HttpSink sink;
    AlertDrill drill(set, nodes, workload_.per_second, workload_.seed);
    std::atomic<bool> drilling{false};
    std::atomic<int64_t> scrapes{0};
    RONDA_ASSIGN_OR_RETURN(auto targets,
                           ScrapeTargets::Start(set, nodes, [&](int node, int64_t sampled_ns) {
                             ++scrapes;
                             return drilling ? drill.Before(node, sampled_ns) : std::nullopt;
                           }));
    const std::string dir = dir_.File("peer");
    RONDA_RETURN_IF_ERROR(MakeDirectories(dir));
    RONDA_ASSIGN_OR_RETURN(
        const auto peer,
        AlertPeer::Start({.dir = dir,
                          .nodes = nodes,
                          .port = targets->port(),
                          .rules = DrillRules(set, workload_.rules, "interval: 1s"),
                          .webhook = sink.url()}));
    // Prometheus gives its targets to those who scrape some five seconds after its start.
    if (!Eventually(60'000, [&] { return scrapes >= nodes; })) {
      return Fail(absl::StatusCode::kUnavailable, "Prometheus scraped {} of {} targets in a minute",
                  scrapes.load(), nodes);
    }
    std::this_thread::sleep_for(std::chrono::seconds(workload_.warm_up_seconds));
    Figures figures;
    const int64_t scrapes_before = scrapes;
    const double cpu_before = peer->cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    drilling = true;
    std::this_thread::sleep_for(std::chrono::seconds(workload_.seconds));
    drilling = false;
    const double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    figures.cores = (peer->cpu_seconds() - cpu_before) / took;
    figures.samples_per_second =
        static_cast<double>((scrapes - scrapes_before) * workload_.series) / took;
    figures.rss_mib = peer->rss_mib();
    std::this_thread::sleep_for(std::chrono::seconds(kAfterSeconds));
    peer->Stop();
    targets.reset();
    figures.drill = drill.Judge(sink.requests(), false);
    return figures;
  }

  const AlertsWorkload workload_;
  TempDir dir_;
  HostCapture capture_;
  Figures without_;
  Figures full_;
  Figures small_;
  Figures peer_;
  bool measured_peer_ = false;
};

}  // namespace

int RunAlerts(const AlertsWorkload& workload) {
  Alerts alerts(workload);
  if (absl::Status status = alerts.Run(); !status.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(status));
    return 1;
  }
  return alerts.Report() ? 0 : 1;
}

}  // namespace ronda::bench
