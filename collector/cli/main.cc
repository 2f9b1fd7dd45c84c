#include <csignal>
#include <cstdio>

#include "collector/cli/run.h"
#include "common/rpc/credentials.h"

int main(int argc, char** argv) {
  // A reader that goes away (head, less) shows as a failed write, whatever the parent set.
  std::signal(SIGPIPE, SIG_IGN);
  ronda::rpc::RequireTls13();
  return ronda::cli::Run(argc, argv, stdout, stderr);
}
