// Commands about who may do what.
#include <CLI/CLI.hpp>

#include "collector/cli/grammar.h"

namespace ronda::cli {

void Grammar::AddEnroll() {
  CLI::App* enroll = AddCommand(app_.get(), "enroll", "Let new agents in",
                                "  ronda enroll token\n  ronda enroll token --node db1 --for 15m");
  enroll->require_subcommand(1);
  CLI::App* token = AddCommand(
      enroll, "token",
      "Print a token with which one agent gets its certificate: ronda-agent enroll --collector "
      "HOST:PORT --token-file FILE",
      "  ronda enroll token                      # for any node that has no certificate yet\n"
      "  ronda enroll token --node db1 --for 15m # for this one, also in place of what it has\n"
      "  ronda enroll token | ssh db1 ronda-agent enroll --collector mon1:7710 --token-file -");
  token->add_option("--node", enroll_.node, "Only for this node; it may have a certificate")
      ->type_name("NODE");
  token->add_option("--for", enroll_.for_how_long, "How long it may be used (1h, at most 24h)")
      ->type_name("DURATION");
  On(token, [this] { line_.command = enroll_; });
}

void Grammar::AddRevoke() {
  CLI::App* command =
      AddCommand(app_.get(), "revoke",
                 "The certificates that a node has by now count no more; its streams end at once",
                 "  ronda revoke web1\n  ronda revoke --user alice");
  command->add_option("name", revoke_.name, "The node, or with --user the person")
      ->required()
      ->type_name("NAME");
  command->add_flag("--user", revoke_.user, "It is a person");
  command->add_flag("--force", revoke_.force,
                    "Although this collector signed no certificate for it");
  On(command, [this] { line_.command = revoke_; });
}

void Grammar::AddAudit() {
  CLI::App* command = AddCommand(
      app_.get(), "audit", "Who changed what: tokens, enrolments, revocations, people",
      "  ronda audit\n"
      "  ronda audit --check                      # 1 if an entry was changed or taken out\n"
      "  ronda audit --check --head 3f5a...       # and if it is not the chain of that day\n"
      "  ronda --data /backup/ronda audit --check");
  command->add_flag("--check", audit_.check, "Walk the chain of hashes instead of listing it");
  command->add_option("--head", audit_.head, "A hash that an earlier --check printed")
      ->type_name("HASH");
  On(command, [this] { line_.command = audit_; });
}

}  // namespace ronda::cli
