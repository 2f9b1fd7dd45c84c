// ronda-agent: samples this machine and its databases and streams to a collector.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/config.h"
#include "agent/enroll_command.h"
#include "agent/pause.h"
#include "common/base/clock.h"
#include "common/base/signals.h"
#include "common/base/startup_pages.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/config/units.h"
#include "common/obs/log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/tuning.h"

namespace ronda::agent {
namespace {

constexpr int kWrongUse = 2;
// When what the start needed goes back: once the samplers have run and a stream is up, later on a
// machine that is busy, and now and then for what a reconnection needed.
constexpr int kSettleMs[] = {5'000, 25'000, 3'600'000};

constexpr char kFooter[] =
    "Examples:\n"
    "  ronda-agent                                   # this machine, to a collector on "
    "127.0.0.1:7710\n"
    "  ronda-agent --collector mon1:7710 --node web1\n"
    "  ronda-agent --postgres 'host=/var/run/postgresql user=postgres dbname=postgres'\n"
    "  ronda-agent enroll --collector mon1:7710 --token-file ./token\n"
    "  ronda-agent --check-config --config /etc/ronda/agent.yml\n"
    "  ronda-agent pause --for 30m --reason 'kernel upgrade'   # the agent that runs here\n"
    "  ronda-agent resume\n";

struct Flags {
  std::string config;
  std::vector<std::string> collectors;
  std::string node;
  std::vector<std::string> postgres;
  std::string log_level;
  std::string spool;
  std::string tls_dir;
  bool insecure = false;
  bool insecure_anywhere = false;
  bool check_config = false;
  bool print_metrics = false;
};

void PrintMetrics() {
  for (const MetricDescriptor& metric : AllMetrics()) {
    fmt::print("{}\t{}\t{}\t{}\t{}\n", metric.name, ToString(metric.type), metric.unit,
               metric.labels, metric.help);
  }
}

absl::StatusOr<AgentConfig> EffectiveConfig(const Flags& flags) {
  RONDA_ASSIGN_OR_RETURN(AgentConfig config, LoadAgentConfig(flags.config));
  if (!flags.collectors.empty()) {
    config.collectors = flags.collectors;
  }
  if (!flags.node.empty()) {
    config.node = flags.node;
  }
  if (!flags.spool.empty()) {
    config.spool.path = flags.spool;
  }
  if (!flags.tls_dir.empty()) {
    config.tls = {flags.tls_dir + "/ca.pem", flags.tls_dir + "/node.pem",
                  flags.tls_dir + "/node.key"};
  }
  config.insecure = config.insecure || flags.insecure || flags.insecure_anywhere;
  config.insecure_anywhere = config.insecure_anywhere || flags.insecure_anywhere;
  for (const std::string& dsn : flags.postgres) {
    PostgresConfig server;
    server.dsn = dsn;
    config.postgres.push_back(server);
  }
  if (flags.log_level == "debug") {
    config.log.level = obs::LogLevel::kDebug;
  } else if (flags.log_level == "warn") {
    config.log.level = obs::LogLevel::kWarn;
  } else if (flags.log_level == "error") {
    config.log.level = obs::LogLevel::kError;
  }
  RONDA_RETURN_IF_ERROR(Validate(config));
  return config;
}

constexpr int kFailed = 1;

// Orders for the agent that runs on this machine.
int Pause(const Flags& flags, bool pause, const std::string& length, const std::string& reason) {
  auto config = EffectiveConfig(flags);
  if (!config.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(config.status()));
    return kWrongUse;
  }
  SystemClock clock;
  const std::string path = PauseFile(*config);
  PauseOrder order{clock.NowMs(), 0, reason};
  auto present = ReadPause(path);
  if (!present.ok() && present.status().code() != absl::StatusCode::kDataLoss) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(present.status()));
    return kFailed;
  }
  const bool is_paused = present.ok() && present->has_value() && !(*present)->IsOver(order.from_ms);
  if (!pause && !is_paused) {
    fmt::print(stderr, "ronda-agent: not paused ({} is not there)\n", path);
    return kFailed;
  }
  if (is_paused) {
    order.from_ms = (*present)->from_ms;
    order.reason = reason.empty() ? (*present)->reason : reason;
  }
  if (!pause) {
    order.until_ms = clock.NowMs();
  } else if (!length.empty()) {
    const auto ms = config::ParseDuration(length);
    if (!ms.ok()) {
      fmt::print(stderr, "ronda-agent: --for: {}\n", Message(ms.status()));
      return kWrongUse;
    }
    order.until_ms = clock.NowMs() + *ms;
  }
  if (absl::Status written = WritePause(path, order); !written.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(written));
    return kFailed;
  }
  fmt::print("{}\n", !pause           ? "sampling goes on within a second"
                     : length.empty() ? "paused until `ronda-agent resume`"
                                      : "paused for " + length);
  return 0;
}

// Without a certificate no collector would take anything: better said now than in the log.
absl::StatusOr<std::string> CheckTls(const AgentConfig& config, int64_t now_ms, bool strict) {
  if (config.insecure) {
    return "plain text";
  }
  const auto material = tls::Load(TlsFiles(config), now_ms);
  if (material.status().code() == absl::StatusCode::kNotFound) {
    return Fail(
        absl::StatusCode::kNotFound,
        "this node is not enrolled ({}): make a token with `ronda enroll token`, then run "
        "ronda-agent enroll --collector {} --token-file FILE; on the collector's own machine "
        "ronda-agent enroll --socket /run/ronda/collector.sock will do",
        Message(material.status()), config.collectors.front());
  }
  // One that has expired is not the end: the node samples on, and may be enrolled meanwhile.
  if (!strict && material.status().code() == absl::StatusCode::kFailedPrecondition) {
    obs::Warn("agent", "{}", Message(material.status()));
    return std::string(Message(material.status()));
  }
  RONDA_RETURN_IF_ERROR(Annotate(material.status(), "tls"));
  return fmt::format("the certificate in {} is fine until {}", config.tls.cert,
                     tls::FormatInstant(material->info.not_after_ms));
}

int Run(const Flags& flags) {
  auto config = EffectiveConfig(flags);
  if (!config.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(config.status()));
    return kWrongUse;
  }
  SystemClock clock;
  auto agent = Agent::New(*config, clock);
  if (!agent.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(agent.status()));
    return kWrongUse;
  }
  const absl::StatusOr<std::string> tls = CheckTls(*config, clock.NowMs(), flags.check_config);
  if (!tls.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(tls.status()));
    return kWrongUse;
  }
  if (flags.check_config) {
    fmt::print("{}# {}\n", Describe(*config), *tls);
    return 0;
  }
  if (absl::Status logging = obs::InitLogging(config->log); !logging.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(logging));
    return kWrongUse;
  }
  obs::Info("agent", "ronda-agent {} starts node={} collectors={}", Version(), config->node,
            fmt::join(config->collectors, ","));
  (*agent)->Start();
  for (size_t settled = 0;;) {
    const int signal = WaitForSignal({SIGINT, SIGTERM, SIGHUP}, kSettleMs[settled]);
    if (signal == SIGHUP) {
      obs::Warn("agent", "SIGHUP: this version takes a changed configuration only at its start");
    } else if (signal != 0) {
      break;
    } else {
      malloc_trim(0);
      ReleaseStartupPages();
      settled = std::min(settled + 1, std::size(kSettleMs) - 1);
    }
  }
  obs::Info("agent", "stopping");
  (*agent)->Stop(/*drain_ms=*/3000);
  return 0;
}

}  // namespace
}  // namespace ronda::agent

int main(int argc, char** argv) {
  ronda::rpc::TuneProcess();
  ronda::rpc::RequireTls13();
  ronda::BlockSignals({SIGINT, SIGTERM, SIGHUP});
  ronda::agent::Flags flags;
  CLI::App app{"Samples this machine and its databases each second and streams to a collector."};
  app.footer(ronda::agent::kFooter);
  app.set_version_flag("--version", std::string(ronda::Version()));
  app.add_option("--config", flags.config,
                 "configuration (default /etc/ronda/agent.yml, if there)");
  app.add_option("--collector", flags.collectors, "HOST:PORT, in order of preference");
  app.add_option("--node", flags.node, "this node's name (default: the host's name)");
  app.add_option("--postgres", flags.postgres,
                 "a PostgreSQL to watch, as a libpq connection string");
  app.add_option(
      "--spool", flags.spool,
      "file for what is not acknowledged, in place of spool.path; \"none\": memory alone");
  std::string pause_length;
  std::string pause_reason;
  CLI::App* pause = app.add_subcommand(
      "pause", "the agent that runs here stops sampling; the gap says \"paused\"");
  pause->add_option("--for", pause_length, "ends by itself after 30s, 15m, 2h (default: resume)");
  pause->add_option("--reason", pause_reason, "stands in the gap's detail");
  CLI::App* resume = app.add_subcommand("resume", "ends a pause");
  app.require_subcommand(0, 1);
  for (CLI::App* command : {pause, resume}) {
    command->fallthrough();
  }
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--tls", flags.tls_dir,
                 "folder of ca.pem, node.pem and node.key (default /var/lib/ronda-agent/tls)");
  app.add_flag("--insecure", flags.insecure,
               "speak plain text to a collector on this machine, without certificates");
  app.add_flag("--insecure-anywhere", flags.insecure_anywhere,
               "speak plain text to collectors elsewhere as well, in a network that you trust");
  app.add_flag("--check-config", flags.check_config, "check and print the configuration, then end");
  app.add_flag("--print-metrics", flags.print_metrics,
               "print what can be sampled (name, type, unit, labels, help), then end");
  ronda::agent::EnrollCommand enroll;
  ronda::agent::AddEnrollCommand(&app, &enroll);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : ronda::agent::kWrongUse;
  }
  if (flags.print_metrics) {
    ronda::agent::PrintMetrics();
    return 0;
  }
  if (pause->parsed() || resume->parsed()) {
    return ronda::agent::Pause(flags, pause->parsed(), pause_length, pause_reason);
  }
  if (app.got_subcommand("enroll")) {
    const auto config = ronda::agent::EffectiveConfig(flags);
    if (!config.ok()) {
      fmt::print(stderr, "ronda-agent: {}\n", ronda::Message(config.status()));
      return ronda::agent::kWrongUse;
    }
    return ronda::agent::RunEnrollCommand(enroll, *config);
  }
  return ronda::agent::Run(flags);
}
