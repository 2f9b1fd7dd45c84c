#include "agent/enroll_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "agent/enroll/enroll.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/tls/certificate.h"

namespace ronda::agent {
namespace {

absl::StatusOr<std::string> TokenOf(const EnrollCommand& command) {
  if (!command.token.empty()) {
    return command.token;
  }
  if (command.token_file == "-") {
    std::string line;
    std::getline(std::cin, line);
    return line;
  }
  if (!command.token_file.empty()) {
    return ReadFile(command.token_file, 4096);
  }
  if (const char* token = std::getenv("RONDA_ENROLL_TOKEN"); token != nullptr) {
    return std::string(token);
  }
  return Fail(
      absl::StatusCode::kInvalidArgument,
      "a token is needed: --token-file FILE, --token T, or RONDA_ENROLL_TOKEN; `ronda enroll "
      "token` makes one on the collector");
}

}  // namespace

void AddEnrollCommand(CLI::App* app, EnrollCommand* command) {
  CLI::App* enroll = app->add_subcommand(
      "enroll", "Get this node's certificate: a key is made here and signed by the collector");
  enroll->fallthrough();
  auto* token =
      enroll->add_option("--token", command->token,
                         "what `ronda enroll token` printed; others can see it in the list of "
                         "processes, so better:");
  auto* file = enroll->add_option("--token-file", command->token_file,
                                  "file with the token; - is standard input");
  auto* socket = enroll->add_option("--socket", command->socket,
                                    "in place of a token: the Unix socket of a collector on this "
                                    "machine that one administers");
  token->excludes(file);
  token->excludes(socket);
  file->excludes(socket);
  enroll->footer(
      "Examples:\n"
      "  ronda-agent enroll --collector mon1:7710 --token-file ./token\n"
      "  ssh mon1 ronda enroll token --node web1 | ronda-agent enroll --collector mon1:7710 "
      "--node web1 --token-file -\n"
      "  ronda-agent enroll --socket /run/ronda/collector.sock\n");
}

int RunEnrollCommand(const EnrollCommand& command, const AgentConfig& config) {
  EnrollOptions options;
  options.node = config.node;
  options.collector = config.collectors.front();
  options.socket = command.socket;
  options.files = TlsFiles(config);
  absl::StatusOr<tls::CertificateInfo> made;
  if (auto token = command.socket.empty() ? TokenOf(command) : ""; token.ok()) {
    options.token = *token;
    made = Enroll(options);
  } else {
    made = token.status();
  }
  if (!made.ok()) {
    fmt::print(stderr, "ronda-agent: {}\n", Message(made.status()));
    return made.status().code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
  }
  fmt::print("enrolled as {}: the certificate in {} is good until {} and renews itself\n",
             config.node, options.files.certificate, tls::FormatInstant(made->not_after_ms));
  return 0;
}

}  // namespace ronda::agent
