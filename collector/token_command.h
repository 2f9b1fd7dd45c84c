// ronda-collector token add|list|remove: who may use the HTTP API.
#pragma once

#include <string>

#include "collector/config.h"

namespace CLI {
class App;
}

namespace ronda::collector {

struct TokenCommand {
  std::string name;
  std::string role;
  std::string node;
  std::string node_label;
  std::string file;
};

void AddTokenCommand(CLI::App* app, TokenCommand* command);

// Runs the one that was given; prints to standard output and returns the exit code. A running
// collector takes the change within a second.
int RunTokenCommand(const CLI::App& app, const TokenCommand& command,
                    const CollectorConfig& config);

}  // namespace ronda::collector
