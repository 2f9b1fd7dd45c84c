#include "tests/bench/alert_peer.h"

#include <fmt/format.h>

#include <csignal>
#include <fstream>

#include "common/base/status.h"
#include "tests/bench/http_client.h"
#include "tests/bench/process_cost.h"
#include "tests/bench/scale_set.h"

namespace ronda::bench {
namespace {

constexpr char kAlertmanagerConfig[] = R"(route:
  receiver: hook
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
  - name: hook
    webhook_configs:
      - url: '{}'
)";

std::string PrometheusConfig(const AlertPeerOptions& options, int alertmanager_port) {
  std::string config = fmt::format(
      "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
      "rule_files: ['{}/rules.yml']\n"
      "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]}}\n"
      "scrape_configs:\n  - job_name: node\n    static_configs:\n",
      options.dir, alertmanager_port);
  for (int node = 0; node < options.nodes; ++node) {
    config += fmt::format(
        "      - {{targets: ['127.0.0.1:{}'], labels: {{node: {}, __metrics_path__: /{}}}}}\n",
        options.port, ScaleSet::NodeName(node), node);
  }
  return config;
}

absl::Status WaitReady(int port, const char* path, Process* process) {
  HttpClient http(fmt::format("http://127.0.0.1:{}", port));
  const bool ready = Eventually(60'000, [&] { return !process->running() || http.Get(path).ok(); });
  return ready && process->running()
             ? absl::OkStatus()
             : Fail(absl::StatusCode::kUnavailable, "the peer on port {} did not start", port);
}

}  // namespace

std::string AlertPeer::Missing() {
  for (const char* program : {"prometheus", "prometheus-alertmanager"}) {
    if (RunProgram({"/bin/sh", "-c", fmt::format("command -v {}", program)}).exit_code != 0) {
      return fmt::format("not installed (Debian package {})", program);
    }
  }
  return "";
}

absl::StatusOr<std::unique_ptr<AlertPeer>> AlertPeer::Start(const AlertPeerOptions& options) {
  std::unique_ptr<AlertPeer> peer(new AlertPeer);
  const int alertmanager_port = FreePort();
  std::ofstream(options.dir + "/alertmanager.yml")
      << fmt::format(kAlertmanagerConfig, options.webhook);
  peer->alertmanager_.Start(
      {"prometheus-alertmanager", "--config.file=" + options.dir + "/alertmanager.yml",
       "--storage.path=" + options.dir + "/alertmanager",
       fmt::format("--web.listen-address=127.0.0.1:{}", alertmanager_port),
       "--cluster.listen-address=", "--log.level=warn"},
      options.dir + "/alertmanager.log");
  RONDA_RETURN_IF_ERROR(WaitReady(alertmanager_port, "/-/ready", &peer->alertmanager_));
  const int prometheus_port = FreePort();
  std::ofstream(options.dir + "/prometheus.yml") << PrometheusConfig(options, alertmanager_port);
  std::ofstream(options.dir + "/rules.yml") << options.rules;
  peer->prometheus_.Start(
      {"prometheus", "--config.file=" + options.dir + "/prometheus.yml",
       fmt::format("--web.listen-address=127.0.0.1:{}", prometheus_port),
       "--storage.tsdb.path=" + options.dir + "/prometheus", "--log.level=warn"},
      options.dir + "/prometheus.log");
  RONDA_RETURN_IF_ERROR(WaitReady(prometheus_port, "/-/ready", &peer->prometheus_));
  return peer;
}

double AlertPeer::cpu_seconds() const {
  return CpuSecondsOf(prometheus_.pid()) + CpuSecondsOf(alertmanager_.pid());
}

double AlertPeer::rss_mib() const {
  return CostOf(prometheus_.pid()).rss_mib + CostOf(alertmanager_.pid()).rss_mib;
}

void AlertPeer::Stop() {
  for (Process* process : {&prometheus_, &alertmanager_}) {
    process->Signal(SIGTERM);
    process->Wait(30'000);
  }
}

}  // namespace ronda::bench
