// ronda-bench WORKLOAD [options]: prints a table for people and, last, one JSON line.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "tests/bench/workloads.h"

namespace ronda::bench {
namespace {

void AddAgent(CLI::App* app, AgentWorkload* agent) {
  CLI::App* command = app->add_subcommand(
      "agent", "the agent on this machine beside prometheus-node-exporter scraped at 1 s");
  command->add_option("--for", agent->seconds, "seconds to measure (default 60)")
      ->check(CLI::Range(2, 3600));
  command->add_option("--warm-up", agent->warm_up_seconds, "seconds before (default 10)")
      ->check(CLI::Range(1, 600));
  command->add_option("--postgres", agent->postgres,
                      "watch this PostgreSQL too (a libpq connection string)");
  command->footer("Example:\n  ronda-bench agent --for 60\n");
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
  std::string folder;
  CLI::App* compact = app.add_subcommand("store-compact")->group("");  // `store` runs it
  compact->add_option("dir", folder)->required();
  CLI11_PARSE(app, argc, argv);
  if (app.got_subcommand("agent")) {
    return ronda::bench::RunAgent(agent);
  }
  if (app.got_subcommand("store")) {
    return ronda::bench::RunStore(store);
  }
  return app.got_subcommand("read") ? ronda::bench::RunRead(read)
                                    : ronda::bench::RunStoreCompact(folder);
}
