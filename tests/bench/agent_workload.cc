// What the agent costs its node, beside what others have there (agent_peers.h), all on this machine
// in the same minute.
#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collector/query/local_api.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/bench/agent_peers.h"
#include "tests/bench/byte_relay.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/workloads.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda::bench {
namespace {

struct Figures {
  double rss_mib = 0;
  double pss_mib = 0;
  double core_percent = 0;
  double series = 0;
  double wire_bytes_per_sample = 0;
};

std::optional<int> WaitForAddress(const std::string& path) {
  std::string text;
  const bool there = Eventually(15'000, [&] {
    text = ReadFile(path).value_or("");
    return !text.empty();
  });
  if (!there) {
    return std::nullopt;
  }
  return std::stoi(text.substr(text.rfind(':') + 1));
}

nlohmann::json ToJson(const Figures& figures) {
  return {{"rss_mib", figures.rss_mib},
          {"pss_mib", figures.pss_mib},
          {"core_percent", figures.core_percent},
          {"cpu_us_per_tick", figures.core_percent * 1e4},
          {"series", figures.series},
          {"wire_bytes_per_sample", figures.wire_bytes_per_sample}};
}

void PrintRow(const std::string& name, const Figures& f) {
  fmt::print("{:<42}{:>9.1f}{:>9.1f}{:>9.3f}{:>9.0f}{:>8.0f}{:>12.2f}\n", name, f.rss_mib,
             f.pss_mib, f.core_percent, f.core_percent * 1e4, f.series, f.wire_bytes_per_sample);
}

// Series with a sample in the last seconds before the end.
double CountSeries(const std::string& data_dir) {
  SystemClock clock;
  auto store = store::Store::OpenReadOnly(data_dir, clock);
  if (!store.ok()) {
    return 0;
  }
  const int64_t now = clock.NowMs();
  auto any = Matcher::New(Matcher::Type::kNotEqual, "__name__", "");
  auto series = (*store)->Series({*any}, now - 5000, now);
  return series.ok() ? static_cast<double>(series->size()) : 0;
}

// The agent, its collector, and what others have, in the same seconds.
class AgentRun {
 public:
  explicit AgentRun(const AgentWorkload& workload) : workload_(workload) {}

  absl::Status Run() {
    RONDA_RETURN_IF_ERROR(StartCollector());
    RONDA_RETURN_IF_ERROR(StartAgent());
    peers_ = StartAgentPeers(dir_.path());
    // One loop drives those that are to be asked; the others drive themselves.
    next_ = std::chrono::steady_clock::now();
    RunFor(workload_.warm_up_seconds);
    const ProcessCost agent_before = CostOf(agent_.pid());
    const ProcessCost collector_before = CostOf(collector_.pid());
    const int64_t wire_before = relay_->bytes();
    std::vector<std::pair<ProcessCost, int64_t>> before;
    for (const auto& peer : peers_) {
      before.emplace_back(CostOf(peer->pid()), peer->bytes());
    }
    RunFor(workload_.seconds);
    const double series = CountSeries(dir_.File("data"));
    agent_figures_ =
        FiguresOf(agent_before, CostOf(agent_.pid()), series, relay_->bytes() - wire_before);
    collector_figures_ = FiguresOf(collector_before, CostOf(collector_.pid()), series, 0);
    for (size_t i = 0; i < peers_.size(); ++i) {
      AgentPeer& peer = *peers_[i];
      peer_figures_.push_back(FiguresOf(before[i].first, CostOf(peer.pid()), peer.series(),
                                        peer.bytes() - before[i].second));
    }
    agent_.Signal(SIGTERM);
    agent_.Wait(5000);
    collector_.Signal(SIGTERM);
    collector_.Wait(5000);
    return series > 0 ? absl::OkStatus()
                      : Fail(absl::StatusCode::kInternal, "the collector has no sample");
  }

  void Report() const {
    fmt::print("{:<42}{:>9}{:>9}{:>9}{:>9}{:>8}{:>12}\n", fmt::format("{} s", workload_.seconds),
               "RSS MiB", "PSS MiB", "% core", "us/tick", "series", "wire B/smp");
    PrintRow(workload_.plain ? "ronda-agent, plain text" : "ronda-agent, TLS and its bytes",
             agent_figures_);
    nlohmann::json line = ToJson(agent_figures_);
    line["tls"] = !workload_.plain;
    line["workload"] = "agent";
    for (size_t i = 0; i < peers_.size(); ++i) {
      PrintRow(peers_[i]->what(), peer_figures_[i]);
      line["peers"][peers_[i]->name()] = ToJson(peer_figures_[i]);
      line["peers"][peers_[i]->name()]["tls"] = false;
    }
    PrintRow("(ronda-collector, for that agent)", collector_figures_);
    fmt::print("{}\n", line.dump());
  }

 private:
  absl::Status StartCollector() {
    std::vector<std::string> argv = {ProgramPath("ronda-collector"),
                                     "--data",
                                     dir_.File("data"),
                                     "--listen",
                                     "127.0.0.1:0",
                                     "--socket",
                                     dir_.File("s"),
                                     "--print-address",
                                     dir_.File("address"),
                                     "--log-level",
                                     "error"};
    if (workload_.plain) {
      argv.emplace_back("--insecure");
    }
    collector_.Start(argv);
    const std::optional<int> port = WaitForAddress(dir_.File("address"));
    if (!port.has_value()) {
      return Fail(absl::StatusCode::kUnavailable, "the collector did not start");
    }
    relay_ = std::make_unique<ByteRelay>(*port);
    return absl::OkStatus();
  }

  absl::Status StartAgent() {
    std::vector<std::string> argv = {ProgramPath("ronda-agent"),
                                     "--spool",
                                     dir_.File("spool.db"),
                                     "--collector",
                                     fmt::format("127.0.0.1:{}", relay_->port()),
                                     "--node",
                                     "bench",
                                     "--log-level",
                                     "error"};
    if (workload_.plain) {
      argv.emplace_back("--insecure");
    } else {
      const Output enrolled =
          RunProgram({ProgramPath("ronda-agent"), "enroll", "--socket", dir_.File("s"), "--node",
                      "bench", "--tls", dir_.File("tls")});
      if (enrolled.exit_code != 0) {
        return Fail(absl::StatusCode::kInternal, "enrolling the agent: {}", enrolled.err);
      }
      argv.insert(argv.end(), {"--tls", dir_.File("tls")});
    }
    if (!workload_.postgres.empty()) {
      argv.insert(argv.end(), {"--postgres", workload_.postgres});
    }
    agent_.Start(argv);
    return absl::OkStatus();
  }

  void RunFor(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      for (const auto& peer : peers_) {
        peer->Tick();
      }
      next_ += std::chrono::seconds(1);
      std::this_thread::sleep_until(next_);
    }
  }

  Figures FiguresOf(const ProcessCost& before, const ProcessCost& after, double series,
                    int64_t bytes) const {
    const double seconds = workload_.seconds;
    Figures figures;
    figures.rss_mib = after.rss_mib;
    figures.pss_mib = after.pss_mib;
    figures.core_percent = (after.cpu_ms - before.cpu_ms) / (seconds * 10);
    figures.series = series;
    figures.wire_bytes_per_sample =
        series > 0 ? static_cast<double>(bytes) / (series * seconds) : 0;
    return figures;
  }

  const AgentWorkload workload_;
  TempDir dir_;
  Process collector_;
  std::unique_ptr<ByteRelay> relay_;
  Process agent_;
  std::vector<std::unique_ptr<AgentPeer>> peers_;
  std::chrono::steady_clock::time_point next_;
  Figures agent_figures_;
  Figures collector_figures_;
  std::vector<Figures> peer_figures_;
};

}  // namespace

int RunAgent(const AgentWorkload& workload) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  AgentRun run(workload);
  if (absl::Status status = run.Run(); !status.ok()) {
    fmt::print(stderr, "ronda-bench: {}\n", Message(status));
    return 1;
  }
  run.Report();
  return 0;
}

}  // namespace ronda::bench
