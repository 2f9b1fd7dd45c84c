// ronda-agent enroll: this node's certificate.
#pragma once

#include <string>

#include "agent/config.h"

namespace CLI {
class App;
}

namespace ronda::agent {

struct EnrollCommand {
  std::string token;
  std::string token_file;
  std::string socket;
};

void AddEnrollCommand(CLI::App* app, EnrollCommand* command);

// Prints to standard output and returns the exit code.
int RunEnrollCommand(const EnrollCommand& command, const AgentConfig& config);

}  // namespace ronda::agent
