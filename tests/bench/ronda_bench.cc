// ronda-bench WORKLOAD [options]: prints a table for people and, last, one JSON line.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "tests/bench/workloads.h"

int main(int argc, char** argv) {
  CLI::App app{"Measures Ronda beside its peers, on this machine, in one run."};
  app.require_subcommand(1);
  ronda::bench::AgentWorkload agent;
  CLI::App* agent_command = app.add_subcommand(
      "agent", "the agent on this machine beside prometheus-node-exporter scraped at 1 s");
  agent_command->add_option("--for", agent.seconds, "seconds to measure (default 60)")
      ->check(CLI::Range(2, 3600));
  agent_command->add_option("--warm-up", agent.warm_up_seconds, "seconds before (default 10)")
      ->check(CLI::Range(1, 600));
  agent_command->add_option("--postgres", agent.postgres,
                            "watch this PostgreSQL too (a libpq connection string)");
  agent_command->footer("Example:\n  ronda-bench agent --for 60\n");
  CLI11_PARSE(app, argc, argv);
  return ronda::bench::RunAgent(agent);
}
