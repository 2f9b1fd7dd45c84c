// ronda-bench outage: a collector that is away for an hour, and what its agents kept comes back.
//
// The hour is no hour: what is sampled before it has times that lie in the past by so much, what is
// sampled during it is sampled as fast as can be, and then the clock has caught up.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "collector/query/remote_api.h"
#include "collector/store/hole.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/fleet_check.h"
#include "tests/bench/host_capture.h"
#include "tests/bench/outage_agent.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

constexpr int64_t kBeforeSeconds = 5;
constexpr int64_t kAfterSeconds = 4;  // with the live frames it is told that others came late
constexpr int64_t kStepMs = 1000;
constexpr int64_t kMaxCatchUpMs = 1'800'000;
// A stream that has just begun has sent nothing yet.
constexpr int64_t kSettleMs = 2'000;

struct Figures {
  double away_seconds = 0;  // by the samples' times
  int64_t samples = 0;      // of the outage
  double catch_up_seconds = 0;
  double connect_seconds = 0;  // of those, until the last agent was connected
  double lag_max_s = 0;        // of live samples meanwhile
  double cores = 0;
  double rss_mib = 0;
  int64_t late_nodes = 0;  // of which it is told that they came late
  int64_t false_gaps = 0;  // of samples that are there
  int64_t given_up = 0;    // frames, by agents
};

class Outage {
 public:
  explicit Outage(const OutageWorkload& workload)
      : workload_(workload), address_(fmt::format("127.0.0.1:{}", FreePort())) {}
  ~Outage() {
    for (const auto& agent : agents_) {
      agent->Stop();
    }
  }

  absl::Status Run() {
    // Agents that find no collector say so.
    RONDA_RETURN_IF_ERROR(obs::InitLogging({.level = obs::LogLevel::kError}));
    RONDA_ASSIGN_OR_RETURN(const HostCapture capture, LoadHostCapture(TestData("host_capture")));
    set_ = MakeHostSet(capture, workload_.agents, workload_.series, 1);
    std::ofstream(dir_.File("fleet.yml")) << FleetRules();
    RONDA_RETURN_IF_ERROR(StartCollector());
    for (int i = 0; i < workload_.agents; ++i) {
      agents_.push_back(std::make_unique<OutageAgent>(
          set_, i, address_, dir_.File(fmt::format("spool-{}.db", i)), clock_));
      agents_.back()->Start();
    }
    RONDA_RETURN_IF_ERROR(Before());
    collector_.Signal(SIGTERM);
    if (collector_.Wait(60'000) != 0) {
      return Fail(absl::StatusCode::kInternal, "the collector did not stop in order");
    }
    While();
    RONDA_RETURN_IF_ERROR(StartCollector());
    RONDA_RETURN_IF_ERROR(CatchUp());
    return Check();
  }

  bool Report() const {
    const double times = figures_.away_seconds / std::max(figures_.catch_up_seconds, 0.001);
    const double rate =
        static_cast<double>(figures_.samples) / std::max(figures_.catch_up_seconds, 0.001);
    fmt::print(
        "{} agents x {} series, collector away for {:.0f} s: {} samples\n"
        "  all there again    after {:.1f} s ({:.1f} s until all were connected)\n"
        "  backfill           {:.0f} x real time, {:.0f} samples/s\n"
        "  live meanwhile     at most {:.1f} s behind\n"
        "  collector          {:.2f} core, {:.0f} MiB RSS at most\n"
        "  read back          {} samples right, {} lost, {} duplicated, {} wrong\n"
        "  told               late: {} nodes; gaps that are none: {}; given up: {} frames\n",
        workload_.agents, workload_.series, figures_.away_seconds, figures_.samples,
        figures_.catch_up_seconds, figures_.connect_seconds, times, rate, figures_.lag_max_s,
        figures_.cores, figures_.rss_mib, verdict_.samples, verdict_.lost, verdict_.duplicated,
        verdict_.wrong, figures_.late_nodes, figures_.false_gaps, figures_.given_up);
    if (!verdict_.example.empty()) {
      fmt::print("  first complaint    {}\n", verdict_.example);
    }
    const nlohmann::json line = {{"workload", "outage"},
                                 {"agents", workload_.agents},
                                 {"series", workload_.series},
                                 {"away_seconds", figures_.away_seconds},
                                 {"samples", figures_.samples},
                                 {"catch_up_seconds", figures_.catch_up_seconds},
                                 {"connect_seconds", figures_.connect_seconds},
                                 {"times_real_time", times},
                                 {"backfill_samples_per_second", rate},
                                 {"live_lag_max_s", figures_.lag_max_s},
                                 {"collector_cores", figures_.cores},
                                 {"collector_peak_rss_mib", figures_.rss_mib},
                                 {"lost", verdict_.lost},
                                 {"duplicated", verdict_.duplicated},
                                 {"wrong", verdict_.wrong},
                                 {"late_nodes", figures_.late_nodes},
                                 {"false_gaps", figures_.false_gaps},
                                 {"given_up", figures_.given_up}};
    fmt::print("{}\n", line.dump());
    return verdict_.lost == 0 && verdict_.duplicated == 0 && verdict_.wrong == 0 &&
           figures_.false_gaps == 0 && figures_.given_up == 0;
  }

 private:
  absl::Status StartCollector() {
    std::error_code ignored;
    std::filesystem::remove(dir_.File("address"), ignored);
    collector_.Start({ProgramPath("ronda-collector"), "--insecure", "--data", dir_.File("data"),
                      "--listen", address_, "--socket", dir_.File("s"), "--rules",
                      dir_.File("fleet.yml"), "--print-address", dir_.File("address"),
                      "--log-level", "error"});
    const bool ready = Eventually(120'000, [&] {
      return ReadFile(dir_.File("address")).value_or("").ends_with('\n') || !collector_.running();
    });
    if (!ready || !collector_.running()) {
      return Fail(absl::StatusCode::kUnavailable, "the collector did not start");
    }
    api_ = query::NewRemoteApi({.address = "unix:" + dir_.File("s")});
    return absl::OkStatus();
  }

  void Sample(int64_t t_ms) {
    for (const auto& agent : agents_) {
      agent->Sample(t_ms);
    }
  }
  int64_t Waiting() const {
    int64_t frames = 0;
    for (const auto& agent : agents_) {
      frames += agent->waiting();
    }
    return frames;
  }
  int64_t Connected() const {
    return std::count_if(agents_.begin(), agents_.end(),
                         [](const auto& agent) { return agent->connected(); });
  }

  // Samples of some seconds that are acknowledged.
  absl::Status Before() {
    const int64_t all = workload_.agents;
    if (!Eventually(120'000, [&] { return Connected() == all; })) {
      return Fail(absl::StatusCode::kUnavailable, "{} of {} agents are connected", Connected(),
                  all);
    }
    newest_ms_ = clock_.NowMs() - workload_.away_seconds * 1000 - kBeforeSeconds * kStepMs;
    for (int64_t i = 0; i < kBeforeSeconds; ++i) {
      newest_ms_ += kStepMs;
      Sample(newest_ms_);
    }
    return Eventually(120'000, [&] { return Waiting() == 0; })
               ? absl::OkStatus()
               : Fail(absl::StatusCode::kUnavailable, "{} frames are not acknowledged", Waiting());
  }

  // Until the samples' time is the time.
  void While() {
    const int64_t from_ms = newest_ms_;
    while (newest_ms_ + kStepMs <= clock_.NowMs()) {
      newest_ms_ += kStepMs;
      Sample(newest_ms_);
    }
    back_ms_ = newest_ms_;
    figures_.away_seconds = static_cast<double>(newest_ms_ - from_ms) / 1000;
    figures_.samples = (newest_ms_ - from_ms) / kStepMs * workload_.agents * workload_.series;
  }

  // Goes on sampling, each second, until all that was kept is acknowledged.
  absl::Status CatchUp() {
    const int64_t start = clock_.MonotonicMs();
    const double cpu_before = CpuSecondsOf(collector_.pid());
    int64_t connected_since = 0;  // monotonic: all are
    const int64_t all = workload_.agents;
    int64_t caught_up_ms = 0;  // by the samples: the tick at which all older ones were there
    while (caught_up_ms == 0 || newest_ms_ < caught_up_ms + kAfterSeconds * kStepMs) {
      for (; newest_ms_ + kStepMs <= clock_.NowMs();) {
        newest_ms_ += kStepMs;
        Sample(newest_ms_);
      }
      const int64_t now = clock_.MonotonicMs();
      if (connected_since == 0 && Connected() == all) {
        connected_since = now;
        figures_.connect_seconds = static_cast<double>(now - start) / 1000;
      }
      // A frame or two of each are under way all the time.
      if (caught_up_ms == 0 && connected_since != 0 && Waiting() <= 3 * all) {
        caught_up_ms = newest_ms_;
        figures_.catch_up_seconds = static_cast<double>(now - start) / 1000;
        figures_.cores = (CpuSecondsOf(collector_.pid()) - cpu_before) / figures_.catch_up_seconds;
      }
      if (connected_since != 0 && now - connected_since >= kSettleMs) {
        RONDA_RETURN_IF_ERROR(MeasureLag());
      }
      if (now - start > kMaxCatchUpMs) {
        return Fail(absl::StatusCode::kDeadlineExceeded, "{} frames still wait after {} s",
                    Waiting(), (now - start) / 1000);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    figures_.rss_mib = PeakRssMibOf(collector_.pid());
    return Eventually(60'000, [&] { return Waiting() == 0; })
               ? absl::OkStatus()
               : Fail(absl::StatusCode::kDeadlineExceeded, "{} frames are not acknowledged",
                      Waiting());
  }

  // How old the newest sample is that a query sees, of the node that is furthest behind.
  absl::Status MeasureLag() {
    const int64_t now = clock_.NowMs();
    std::map<std::string, int64_t> newest;
    for (const auto& agent : agents_) {
      newest[ScaleSet::NodeName(agent->node())] = back_ms_;
    }
    query::SelectSpec spec;
    spec.matchers.push_back(
        Matcher::Equal(std::string(kMetricName), set_.schema->metric_of(0).name));
    spec.start_ms = back_ms_;
    spec.end_ms = now;
    RONDA_RETURN_IF_ERROR(api_->Select(spec, [&](const query::SeriesData& series) {
      int64_t& of_node = newest[std::string(series.labels.Get("node"))];
      of_node = series.t_ms.empty() ? of_node : std::max(of_node, series.t_ms.back());
      return true;
    }));
    for (const auto& [node, t_ms] : newest) {
      figures_.lag_max_s = std::max(figures_.lag_max_s, static_cast<double>(now - t_ms) / 1000);
    }
    return absl::OkStatus();
  }

  absl::Status Check() {
    for (const auto& agent : agents_) {
      RONDA_RETURN_IF_ERROR(CheckNode(*api_, set_, {agent->node(), agent->times()}, &verdict_));
      RONDA_ASSIGN_OR_RETURN(const std::vector<query::Gap> gaps,
                             api_->Gaps(0, clock_.NowMs(), ScaleSet::NodeName(agent->node())));
      int64_t late = 0;
      for (const query::Gap& gap : gaps) {
        if (gap.cause == store::kLateCause) {
          ++late;
        } else if (gap.from_ms < newest_ms_) {  // since then nothing is sampled
          ++figures_.false_gaps;
          verdict_.example = fmt::format("{}: a gap \"{}\" of {} s, {} s before the end ({})",
                                         ScaleSet::NodeName(agent->node()), gap.cause,
                                         (gap.to_ms - gap.from_ms) / 1000,
                                         (newest_ms_ - gap.from_ms) / 1000, gap.detail);
        }
      }
      figures_.late_nodes += late > 0 ? 1 : 0;
      figures_.given_up += agent->given_up();
    }
    return AddCounted(*api_, &verdict_);
  }

  const OutageWorkload workload_;
  const SystemClock clock_;
  TempDir dir_;
  const std::string address_;
  ScaleSet set_;
  Process collector_;
  std::unique_ptr<query::Api> api_;
  std::vector<std::unique_ptr<OutageAgent>> agents_;
  int64_t newest_ms_ = 0;  // time of the newest samples
  int64_t back_ms_ = 0;    // of the last ones before the collector was there again
  Figures figures_;
  FleetVerdict verdict_;
};

}  // namespace

int RunOutage(const OutageWorkload& workload) {
  Outage outage(workload);
  if (absl::Status status = outage.Run(); !status.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(status));
    return 1;
  }
  return outage.Report() ? 0 : 1;
}

}  // namespace ronda::bench
