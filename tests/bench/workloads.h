// The workloads of ronda-bench. Each prints its table and its JSON line and returns the exit code.
#pragma once

#include <string>

namespace ronda::bench {

struct AgentWorkload {
  int seconds = 60;
  int warm_up_seconds = 10;
  std::string postgres;
};

int RunAgent(const AgentWorkload& workload);

}  // namespace ronda::bench
