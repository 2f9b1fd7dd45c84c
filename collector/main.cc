// ronda-collector: takes what agents send, keeps it, watches it, tells.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "collector/ca_command.h"
#include "collector/collector.h"
#include "collector/config.h"
#include "collector/token_command.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/obs/log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/tuning.h"

namespace ronda::collector {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

constexpr char kFooter[] =
    "Examples:\n"
    "  ronda-collector                               # on 127.0.0.1:7710, data in "
    "/var/lib/ronda-collector\n"
    "  ronda-collector --data ./data --listen 127.0.0.1:0 --print-address ./address\n"
    "  ronda-collector --check-config --config /etc/ronda/collector.yml\n"
    "  ronda-collector ca init --name mon1.example.com\n"
    "  ronda-collector ca user alice --role operate\n"
    "  ronda-collector token add grafana --role read  # prints a bearer token for the HTTP API\n";

struct Flags {
  std::string config;
  std::string data;
  std::string listen;
  std::string http_listen;
  std::string socket;
  bool no_socket = false;
  bool insecure = false;
  bool insecure_anywhere = false;
  std::vector<std::string> rules;
  std::string print_address;
  std::string print_http_address;
  std::string log_level;
  bool check_config = false;
};

absl::StatusOr<CollectorConfig> EffectiveConfig(const Flags& flags) {
  RONDA_ASSIGN_OR_RETURN(CollectorConfig config, LoadCollectorConfig(flags.config));
  if (!flags.data.empty()) {
    config.data_dir = flags.data;
  }
  if (!flags.listen.empty()) {
    config.listen = flags.listen;
  }
  if (!flags.http_listen.empty()) {
    config.http.listen = flags.http_listen;
  }
  if (!flags.socket.empty() || flags.no_socket) {
    config.socket = flags.socket;
  }
  config.insecure = config.insecure || flags.insecure || flags.insecure_anywhere;
  config.insecure_anywhere = config.insecure_anywhere || flags.insecure_anywhere;
  if (!flags.rules.empty()) {
    config.rules = flags.rules;
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

int Run(const Flags& flags) {
  auto config = EffectiveConfig(flags);
  if (!config.ok()) {
    fmt::print(stderr, "ronda-collector: {}\n", Message(config.status()));
    return kWrongUse;
  }
  if (flags.check_config) {
    auto rules = CheckRules(*config);
    if (!rules.ok()) {
      fmt::print(stderr, "ronda-collector: {}\n", Message(rules.status()));
      return kWrongUse;
    }
    const auto tls = CheckTls(*config, SystemClock().NowMs());
    if (!tls.ok()) {
      fmt::print(stderr, "ronda-collector: tls: {}\n", Message(tls.status()));
      return kWrongUse;
    }
    fmt::print("{}# {}\n# {}\n", Describe(*config), *rules, *tls);
    return 0;
  }
  if (absl::Status logging = obs::InitLogging(config->log); !logging.ok()) {
    fmt::print(stderr, "ronda-collector: {}\n", Message(logging));
    return kFailed;
  }
  SystemClock clock;
  auto collector = Collector::Start(*config, clock, [&flags] { return EffectiveConfig(flags); });
  if (!collector.ok()) {
    fmt::print(stderr, "ronda-collector: {}\n", Message(collector.status()));
    return kFailed;
  }
  // HTTP's first: who waits for the other file finds both.
  const std::pair<std::string, std::string> files[] = {
      {flags.print_http_address, (*collector)->http_address()},
      {flags.print_address, (*collector)->address()}};
  for (const auto& [path, address] : files) {
    if (path.empty()) {
      continue;
    }
    if (absl::Status written = WriteFileAtomically(path, address + "\n"); !written.ok()) {
      fmt::print(stderr, "ronda-collector: {}\n", Message(written));
      return kFailed;
    }
  }
  obs::Info("collector", "ronda-collector {} serves listen={} http={} data={}", Version(),
            (*collector)->address(), (*collector)->http_address(), config->data_dir);
  while (WaitForSignal({SIGINT, SIGTERM, SIGHUP}, -1) == SIGHUP) {
    if (absl::Status reloaded = (*collector)->Reload(); !reloaded.ok()) {
      obs::Error("collector", "SIGHUP: nothing was reloaded: {}", Message(reloaded));
    }
  }
  obs::Info("collector", "stopping");
  (*collector)->Stop();
  return 0;
}

}  // namespace
}  // namespace ronda::collector

// Thousands of streams allocate and free small pieces all the time: jemalloc, where it is linked
// (CMakeLists.txt), takes less CPU for that than glibc. Few threads need few arenas. What was freed
// is kept for seconds, since the next query needs it again; then the kernel gets it back.
extern "C" {
const char* malloc_conf =  // NOLINT: the name is jemalloc's
    "narenas:4,background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  ronda::rpc::TuneProcess();
  ronda::rpc::RequireTls13();
  ronda::BlockSignals({SIGINT, SIGTERM, SIGHUP});
  ronda::collector::Flags flags;
  CLI::App app{"Takes what agents sample, keeps it in SQLite, watches rules and notifies."};
  app.footer(ronda::collector::kFooter);
  app.set_version_flag("--version", std::string(ronda::Version()));
  app.add_option("--config", flags.config,
                 "configuration (default /etc/ronda/collector.yml, if there)");
  app.add_option("--data", flags.data, "data folder");
  app.add_option("--listen", flags.listen, "HOST:PORT for agents; port 0 takes a free one");
  app.add_option("--http-listen", flags.http_listen, "HOST:PORT of the HTTP API");
  app.add_option("--socket", flags.socket, "Unix socket for the local command line");
  app.add_flag("--insecure", flags.insecure,
               "speak plain text to this machine's agents, without certificates");
  app.add_flag("--insecure-anywhere", flags.insecure_anywhere,
               "speak plain text to other machines as well, in a network that you trust");
  app.add_flag("--no-socket", flags.no_socket, "serve no Unix socket");
  app.add_option("--rules", flags.rules, "rule file or folder; may be repeated");
  app.add_option("--print-address", flags.print_address,
                 "write the bound HOST:PORT to this file once it serves");
  app.add_option("--print-http-address", flags.print_http_address, "the same for the HTTP API");
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_flag("--check-config", flags.check_config,
               "check and print the configuration and the rules, then end");
  ronda::collector::CaCommand ca;
  ronda::collector::AddCaCommand(&app, &ca);
  ronda::collector::TokenCommand tokens;
  ronda::collector::AddTokenCommand(&app, &tokens);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : ronda::collector::kWrongUse;
  }
  if (app.got_subcommand("token") || app.got_subcommand("ca")) {
    const auto config = ronda::collector::EffectiveConfig(flags);
    if (!config.ok()) {
      fmt::print(stderr, "ronda-collector: {}\n", ronda::Message(config.status()));
      return ronda::collector::kWrongUse;
    }
    return app.got_subcommand("ca") ? ronda::collector::RunCaCommand(app, ca, *config)
                                    : ronda::collector::RunTokenCommand(app, tokens, *config);
  }
  return ronda::collector::Run(flags);
}
