#include "collector/token_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "collector/http/tokens.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/model/node_checks.h"

namespace ronda::collector {
namespace {

using http::TokenEntry;

absl::StatusOr<std::vector<TokenEntry>> LoadOrNone(const std::string& path) {
  auto entries = http::LoadTokens(path);
  if (entries.status().code() == absl::StatusCode::kNotFound) {
    return std::vector<TokenEntry>();
  }
  return entries;
}

std::vector<TokenEntry>::iterator FindName(std::vector<TokenEntry>* entries,
                                           const std::string& name) {
  return std::find_if(entries->begin(), entries->end(),
                      [&](const TokenEntry& entry) { return entry.identity.name == name; });
}

absl::Status Add(const std::string& path, const TokenCommand& command) {
  RONDA_ASSIGN_OR_RETURN(std::vector<TokenEntry> entries, LoadOrNone(path));
  if (FindName(&entries, command.name) != entries.end()) {
    return Fail(absl::StatusCode::kAlreadyExists,
                "there is a token {} already: choose another name, or remove it first",
                command.name);
  }
  TokenEntry entry;
  entry.identity.name = command.name;
  RONDA_ASSIGN_OR_RETURN(entry.identity.role, http::ParseRole(command.role));
  if (!command.node.empty()) {
    RONDA_RETURN_IF_ERROR(CheckNodeName(command.node));
  }
  entry.identity.node = command.node;
  entry.identity.node_label = command.node_label;
  const std::string token = http::NewToken();
  entry.hash = http::HashToken(token);
  entries.push_back(std::move(entry));
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RONDA_RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash)));
  }
  RONDA_RETURN_IF_ERROR(http::SaveTokens(path, entries));
  // What was written must be readable again: names and labels are checked there.
  if (auto check = http::LoadTokens(path); !check.ok()) {
    entries.pop_back();
    RONDA_RETURN_IF_ERROR(http::SaveTokens(path, entries));
    return check.status();
  }
  fmt::print(stderr, "The token {} with the role {}; it is shown this once, {} has its hash:\n",
             command.name, command.role, path);
  fmt::print("{}\n", token);
  return absl::OkStatus();
}

absl::Status Remove(const std::string& path, const TokenCommand& command) {
  RONDA_ASSIGN_OR_RETURN(std::vector<TokenEntry> entries, LoadOrNone(path));
  const auto found = FindName(&entries, command.name);
  if (found == entries.end()) {
    return Fail(absl::StatusCode::kNotFound, "there is no token {} in {}", command.name, path);
  }
  entries.erase(found);
  return http::SaveTokens(path, entries);
}

absl::Status List(const std::string& path) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<TokenEntry> entries, LoadOrNone(path));
  fmt::print("{:<24} {:<8} {}\n", "NAME", "ROLE", "SAMPLES BELONG TO");
  for (const TokenEntry& entry : entries) {
    const http::Identity& who = entry.identity;
    const std::string node = !who.node.empty()         ? "node " + who.node
                             : !who.node_label.empty() ? "the node in the label " + who.node_label
                                                       : "node " + who.name;
    fmt::print("{:<24} {:<8} {}\n", who.name, ToString(who.role),
               who.role == http::Role::kRead ? "" : node);
  }
  return absl::OkStatus();
}

}  // namespace

void AddTokenCommand(CLI::App* app, TokenCommand* command) {
  CLI::App* token =
      app->add_subcommand("token", "bearer tokens of the HTTP API: add, list, remove");
  token->require_subcommand(1);
  token->fallthrough();
  CLI::App* add = token->add_subcommand("add", "make a token and print it");
  add->fallthrough();
  add->add_option("name", command->name, "who it is for: letters, digits and . _ -")->required();
  add->add_option("--role", command->role,
                  "read: queries; operate: also writing and acknowledging; admin: all; write: "
                  "sending samples and nothing else")
      ->required()
      ->check(CLI::IsMember({"write", "read", "operate", "admin"}));
  auto* node = add->add_option("--node", command->node,
                               "the node that its samples belong to (default: the token's name)");
  add->add_option("--node-label", command->node_label,
                  "the label that names the node of each sample, such as instance")
      ->excludes(node);
  add->footer(
      "Examples:\n"
      "  ronda-collector token add grafana --role read\n"
      "  ronda-collector token add prom1 --role write > /etc/prometheus/ronda.token\n"
      "  ronda-collector token add prom1 --role write --node-label instance\n");
  CLI::App* list = token->add_subcommand("list", "names and roles");
  list->fallthrough();
  CLI::App* remove = token->add_subcommand("remove", "take a token back");
  remove->fallthrough();
  remove->add_option("name", command->name, "its name")->required();
  for (CLI::App* each : {add, list, remove}) {
    each->add_option("--token-file", command->file,
                     "default: http.token_file of the configuration, or http-tokens in the data "
                     "folder");
  }
}

int RunTokenCommand(const CLI::App& app, const TokenCommand& command,
                    const CollectorConfig& config) {
  const std::string path = command.file.empty() ? HttpTokenFile(config) : command.file;
  const CLI::App* token = app.get_subcommand("token");
  const absl::Status status = token->got_subcommand("add")      ? Add(path, command)
                              : token->got_subcommand("remove") ? Remove(path, command)
                                                                : List(path);
  if (!status.ok()) {
    fmt::print(stderr, "ronda-collector: {}\n", Message(status));
  }
  return status.ok() ? 0 : 1;
}

}  // namespace ronda::collector
