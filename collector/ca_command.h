// ronda-collector ca init|user: Ronda's own certificate authority.
#pragma once

#include <string>
#include <vector>

#include "collector/config.h"

namespace CLI {
class App;
}

namespace ronda::collector {

struct CaCommand {
  std::vector<std::string> names;  // init: what agents call this collector
  std::string user;
  std::string role;
  std::string out;  // user: folder for the files
};

void AddCaCommand(CLI::App* app, CaCommand* command);

// Runs the one that was given, beside a running collector or without one; prints to standard output
// and returns the exit code.
int RunCaCommand(const CLI::App& app, const CaCommand& command, const CollectorConfig& config);

}  // namespace ronda::collector
