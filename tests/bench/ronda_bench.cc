// ronda-bench WORKLOAD [options]: prints a table for people and, last, one JSON line.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "tests/bench/workloads.h"

namespace ronda::bench {
namespace {

void AddAgent(CLI::App* app, AgentWorkload* agent) {
  CLI::App* command = app->add_subcommand(
      "agent", "the agent on this machine, TLS on, beside node_exporter, collectd and netdata");
  command->add_option("--for", agent->seconds, "seconds to measure (default 60)")
      ->check(CLI::Range(2, 3600));
  command->add_option("--warm-up", agent->warm_up_seconds, "seconds before (default 10)")
      ->check(CLI::Range(1, 600));
  command->add_option("--postgres", agent->postgres,
                      "watch this PostgreSQL too (a libpq connection string)");
  command->add_flag("--plain", agent->plain, "without TLS");
  command->footer(
      "Peers whose Debian packages are not there (prometheus-node-exporter, collectd-core,\n"
      "netdata-core) are left out.\n\n"
      "Example:\n  ronda-bench agent --for 60\n");
}

void AddSetOptions(CLI::App* command, SetOptions* options) {
  command->add_option("--peers", options->peers,
                      "all (the default), none, or of victoriametrics,prometheus");
  command->add_option("--scale", options->scale, "shorten the set's time (default 1)")
      ->check(CLI::Range(0.0001, 100.0));
  command->add_option("--seconds", options->seconds, "the set's time instead")
      ->check(CLI::Range(int64_t{2}, int64_t{100} * 86'400));
  command->add_option("--seed", options->seed, "another seed, another set (default 1)");
  command->add_option("--data", options->data, "keep the data in this folder, for more reads");
  command->add_flag("--live", options->live,
                    "feed Ronda a tick a message in the live lane, not as backfill");
}

void AddStore(CLI::App* app, StoreWorkload* store) {
  CLI::App* command = app->add_subcommand(
      "store", "keeping a set of samples, beside VictoriaMetrics and Prometheus");
  command
      ->add_option("--set", store->set,
                   "day: 1 node x 507 series x 24 h (the default); fleet: 100 x 118 x 1 h; pg: 1 x "
                   "538 x 6 h")
      ->check(CLI::IsMember({"day", "fleet", "pg"}));
  AddSetOptions(command, &store->options);
  command->footer(
      "Examples:\n"
      "  ronda-bench store --set fleet\n"
      "  ronda-bench store --set day --scale 0.1 --peers none\n");
}

void AddRead(CLI::App* app, ReadWorkload* read) {
  CLI::App* command = app->add_subcommand(
      "read", "reading series of day and fleet, beside VictoriaMetrics and Prometheus");
  command->add_option("--set", read->set, "one set only")
      ->check(CLI::IsMember({"day", "fleet", "pg"}));
  command->add_option("--repetitions", read->repetitions, "runs of each query (default 40)")
      ->check(CLI::Range(1, 100'000));
  AddSetOptions(command, &read->options);
  command->footer("Example:\n  ronda-bench read --data ./bench-data\n");
}

void AddFleet(CLI::App* app, FleetWorkload* fleet) {
  CLI::App* command = app->add_subcommand(
      "fleet", "many agents at one second on one collector, 20 rules, durable before acknowledged");
  command->add_option("--agents", fleet->agents, "default 10000")->check(CLI::Range(1, 100'000));
  command->add_option("--series", fleet->series, "of each agent (default 100)")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--for", fleet->seconds, "time to measure: 60s, 5m (default 60s)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, int64_t>{{"s", 1}, {"m", 60}}));
  command->add_option("--warm-up", fleet->warm_up_seconds, "seconds before (default 10)")
      ->check(CLI::Range(1, 3600));
  command->add_option("--ramp", fleet->connects_per_second, "connections a second (default 2000)")
      ->check(CLI::Range(1, 100'000));
  command->add_flag("--tls", fleet->tls,
                    "TLS 1.3, each agent with its own certificate of the collector's authority");
  command->add_flag("--storm", fleet->storm,
                    "then cut all connections at once and see how long all take to be back");
  command->add_option("--seed", fleet->seed, "another seed, other values (default 1)");
  command->add_option("--data", fleet->data, "keep the collector's data in this folder");
  command->add_option("--profile", fleet->profile, "perf record the collector into this file");
  command->footer(
      "Every acknowledgement is held to what was sent, and at the end all that was acknowledged "
      "is\n"
      "read back and compared.\n\n"
      "Examples:\n"
      "  ronda-bench fleet --agents 10000 --series 100 --for 60s\n"
      "  ronda-bench fleet --agents 10000 --series 100 --for 60s --tls --ramp 200\n"
      "  ronda-bench fleet --agents 1000 --series 400 --for 20s --storm\n");
}

void AddAlerts(CLI::App* app, AlertsWorkload* alerts) {
  CLI::App* command = app->add_subcommand(
      "alerts", "from a sample taken on a node to a webhook received, beside Prometheus");
  command->add_option("--agents", alerts->agents, "default 10000")->check(CLI::Range(1, 100'000));
  command->add_option("--series", alerts->series, "of each agent (default 100)")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--rules", alerts->rules, "thresholds on those series (default 1000)")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--for", alerts->seconds, "time to measure: 60s, 5m (default 60s)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, int64_t>{{"s", 1}, {"m", 60}}));
  command->add_option("--warm-up", alerts->warm_up_seconds, "seconds before (default 20)")
      ->check(CLI::Range(1, 3600));
  command->add_option("--alerts", alerts->per_second, "raised a second (default 20)")
      ->check(CLI::Range(0.1, 1000.0));
  command->add_option("--ramp", alerts->connects_per_second, "connections a second (default 2000)")
      ->check(CLI::Range(1, 100'000));
  command->add_flag("!--no-baseline", alerts->baseline,
                    "do not measure the same fleet without rules first");
  command->add_option("--peers", alerts->peers, "all (the default) or none")
      ->check(CLI::IsMember({"all", "none"}));
  command
      ->add_option("--peer-agents", alerts->peer_agents,
                   "nodes that Prometheus scrapes, and as many agents of Ronda for comparison "
                   "(default 100)")
      ->check(CLI::Range(1, 2000));
  command->add_option("--seed", alerts->seed, "another seed, other values (default 1)");
  command->footer(
      "A series of a node goes over a threshold for one tick. The time is that of the sample; "
      "each\n"
      "alert and its end must be told once. Prometheus scrapes and evaluates each second,\n"
      "Alertmanager waits for nothing (group_wait 0s); the time is that of the scrape.\n\n"
      "Examples:\n"
      "  ronda-bench alerts\n"
      "  ronda-bench alerts --agents 1000 --for 20s --no-baseline --peers none\n");
}

void AddHostile(CLI::App* app, HostileWorkload* hostile) {
  CLI::App* command = app->add_subcommand(
      "hostile", "how long the others wait while one client means it ill, beside rounds of calm");
  command->add_option("--agents", hostile->agents, "the others (default 500)")
      ->check(CLI::Range(1, 20'000));
  command->add_option("--series", hostile->series, "of each (default 100)")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--for", hostile->seconds, "seconds of a round (default 4)")
      ->check(CLI::Range(1, 600));
  command->add_option("--rounds", hostile->rounds, "of each kind of client (default 5)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--only", hostile->only, "one kind of client")
      ->check(CLI::IsMember({"bomb", "large", "garbage", "another", "flood", "replay", "slow"}));
  command->add_flag("--tls", hostile->tls, "TLS 1.3; the hostile client has a certificate too");
  command->footer("Example:\n  ronda-bench hostile --agents 500 --tls\n");
}

void AddOutage(CLI::App* app, OutageWorkload* outage) {
  CLI::App* command = app->add_subcommand(
      "outage", "a collector that was away: how fast what the agents kept comes, and live data");
  command->add_option("--agents", outage->agents, "default 50")->check(CLI::Range(1, 1000));
  command->add_option("--series", outage->series, "of each agent (default 500)")
      ->check(CLI::Range(1, 10'000));
  command
      ->add_option("--away", outage->away_seconds,
                   "time by the samples' clock, which goes faster: 120s, 60m (default 60m)")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, int64_t>{{"s", 1}, {"m", 60}}));
  command->footer("Example:\n  ronda-bench outage --agents 50 --series 500 --away 60m\n");
}

void AddRetain(CLI::App* app, RetainWorkload* retain) {
  CLI::App* command = app->add_subcommand(
      "retain", "a fleet's day into a history of limited size: room, memory and what is left");
  command->add_option("--nodes", retain->nodes, "of 118 series (default 100)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--hours", retain->hours, "of samples, one a second (default 24)")
      ->check(CLI::Range(2, 24 * 30));
  command->add_option("--max-size-mib", retain->max_size_mib, "retention.max_size (default 512)")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--seed", retain->seed, "another seed, another set (default 1)");
  command->add_option("--data", retain->data, "keep the data in this folder");
  command->footer("Example:\n  ronda-bench retain --hours 48\n");
}

void AddRestartOptions(CLI::App* command, RestartWorkload* restart) {
  command->add_option("--nodes", restart->nodes, "of 118 series (default 100)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--hours", restart->hours, "of history (default 168)")
      ->check(CLI::Range(1, 24 * 366));
  command
      ->add_option("--interval-ms", restart->interval_ms,
                   "between samples of all but the last three hours, which have one a second "
                   "(default 1000)")
      ->check(CLI::Range(1000, 60'000));
}

void AddRestart(CLI::App* app, RestartWorkload* restart) {
  CLI::App* command = app->add_subcommand(
      "restart", "how soon a collector answers again with a week of a fleet's history");
  AddRestartOptions(command, restart);
  command->add_option("--data", restart->data, "keep the data in this folder");
  command->footer("Example:\n  ronda-bench restart --interval-ms 10000\n");
}

void AddQuery(CLI::App* app, QueryWorkload* query) {
  CLI::App* command = app->add_subcommand(
      "query", "PromQL over HTTP on remote-written data, beside VictoriaMetrics and Prometheus");
  command
      ->add_option("--set", query->set,
                   "one set only: day, fleet, or wide (850 nodes x 118 series)")
      ->check(CLI::IsMember({"day", "fleet", "wide"}));
  command->add_option("--repetitions", query->repetitions, "runs of each query (default 40)")
      ->check(CLI::Range(1, 100'000));
  AddSetOptions(command, &query->options);
  command->footer("Example:\n  ronda-bench query --set fleet\n");
}

}  // namespace
}  // namespace ronda::bench

int main(int argc, char** argv) {
  CLI::App app{"Measures Ronda beside its peers, on this machine, in one run."};
  app.require_subcommand(1);
  ronda::bench::AgentWorkload agent;
  ronda::bench::StoreWorkload store;
  ronda::bench::ReadWorkload read;
  ronda::bench::AddAgent(&app, &agent);
  ronda::bench::AddStore(&app, &store);
  ronda::bench::AddRead(&app, &read);
  ronda::bench::QueryWorkload query;
  ronda::bench::AddQuery(&app, &query);
  ronda::bench::FleetWorkload fleet;
  ronda::bench::AddFleet(&app, &fleet);
  ronda::bench::AlertsWorkload alerts;
  ronda::bench::AddAlerts(&app, &alerts);
  ronda::bench::HostileWorkload hostile;
  ronda::bench::AddHostile(&app, &hostile);
  ronda::bench::OutageWorkload outage;
  ronda::bench::AddOutage(&app, &outage);
  ronda::bench::RetainWorkload retain;
  ronda::bench::RestartWorkload restart;
  ronda::bench::AddRetain(&app, &retain);
  ronda::bench::AddRestart(&app, &restart);
  std::string folder;
  CLI::App* fill = app.add_subcommand("restart-fill")->group("");  // `restart` runs it
  fill->add_option("dir", folder)->required();
  ronda::bench::AddRestartOptions(fill, &restart);
  CLI::App* compact = app.add_subcommand("store-compact")->group("");  // `store` runs it
  compact->add_option("dir", folder)->required();
  CLI11_PARSE(app, argc, argv);
  if (app.got_subcommand("agent")) {
    return ronda::bench::RunAgent(agent);
  }
  if (app.got_subcommand("query")) {
    return ronda::bench::RunQuery(query);
  }
  if (app.got_subcommand("store")) {
    return ronda::bench::RunStore(store);
  }
  if (app.got_subcommand("hostile")) {
    return ronda::bench::RunHostile(hostile);
  }
  if (app.got_subcommand("retain")) {
    return ronda::bench::RunRetain(retain);
  }
  if (app.got_subcommand("restart")) {
    return ronda::bench::RunRestart(restart);
  }
  if (app.got_subcommand("restart-fill")) {
    return ronda::bench::RunRestartFill(folder, restart);
  }
  if (app.got_subcommand("outage")) {
    return ronda::bench::RunOutage(outage);
  }
  if (app.got_subcommand("alerts")) {
    return ronda::bench::RunAlerts(alerts);
  }
  if (app.got_subcommand("fleet")) {
    return ronda::bench::RunFleet(fleet);
  }
  return app.got_subcommand("read") ? ronda::bench::RunRead(read)
                                    : ronda::bench::RunStoreCompact(folder);
}
