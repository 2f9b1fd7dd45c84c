// Commands about what people are not told.
#include <CLI/CLI.hpp>

#include "collector/cli/grammar.h"

namespace ronda::cli {

void Grammar::AddSilenceOptions(CLI::App* command) {
  auto* length = command->add_option("--for", add_silence_.for_how_long, "How long (2h)");
  length->type_name("DURATION");
  command->add_option("--until", add_silence_.until, "Or until when")
      ->type_name("TIME")
      ->excludes(length);
  command->add_option("--from", add_silence_.from, "From then on (now)")->type_name("TIME");
  command->add_option("-m,--comment", add_silence_.comment, "Why, for the others")
      ->type_name("TEXT");
}

void Grammar::AddSilence() {
  CLI::App* silence = AddCommand(app_.get(), "silence",
                                 "Tell nobody of some alerts for a time; they are logged as ever",
                                 "  ronda silence add node=db1 --for 2h -m 'new disks'\n"
                                 "  ronda silence list\n"
                                 "  ronda silence expire 5a2f");
  silence->require_subcommand(1);
  CLI::App* add = AddCommand(
      silence, "add",
      "Silence the alerts that match all of the matchers (= != =~ !~; regular expressions match "
      "the whole value). What still fires at the end is told then; what was told before is told to "
      "be resolved",
      "  ronda silence add alertname=DiskFull node=db1 --for 2h -m 'being moved'\n"
      "  ronda silence add 'node=~web.*' severity!=critical --until 2026-11-20T18:00\n"
      "  ronda silence add site=jakarta --from 2026-11-21T01:00 --for 3h -m 'power works'");
  add->add_option("matcher", add_silence_.matchers, "LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX, ...")
      ->required()
      ->type_name("MATCHER");
  AddSilenceOptions(add);
  On(add, [this] { line_.command = add_silence_; });
  CLI::App* list = AddCommand(silence, "list", "The silences, and how many alerts each holds now",
                              "  ronda silence list\n"
                              "  ronda silence list --expired -o json");
  list->add_flag("--expired", list_silences_.expired, "Also those that are over, for 5 days");
  On(list, [this] { line_.command = list_silences_; });
  CLI::App* expire = AddCommand(silence, "expire", "End silences now",
                                "  ronda silence expire 5a2f\n"
                                "  ronda silence expire 5a2f81c0-7b1e-4f7a-9d11-3c8f0c1b2a3d");
  expire->add_option("id", expire_silence_.ids, "The id, or the first characters of it")
      ->required()
      ->type_name("ID");
  On(expire, [this] { line_.command = expire_silence_; });
}

void Grammar::AddMaintenance() {
  CLI::App* maintenance = AddCommand(
      app_.get(), "maintenance",
      "Work that is planned: a silence whose begin and end are told, with a report at the end",
      "  ronda maintenance start db1 db2 --for 1h -m 'kernel update'\n"
      "  ronda maintenance list\n"
      "  ronda maintenance end 5a2f");
  maintenance->require_subcommand(1);
  CLI::App* start = AddCommand(
      maintenance, "start", "A window for nodes, or for all alerts that match all of the matchers",
      "  ronda maintenance start db1 --for 1h -m 'kernel update'\n"
      "  ronda maintenance start site=jakarta --from 2026-11-21T01:00 --for 3h --announce 30m");
  start->add_option("what", add_silence_.matchers, "Names of nodes, or matchers (LABEL=VALUE, ...)")
      ->required()
      ->type_name("NODE|MATCHER");
  AddSilenceOptions(start);
  start->add_option("--name", add_silence_.name, "How it is called in messages")->type_name("TEXT");
  start->add_option("--announce", add_silence_.announce, "Tell of it so long before it begins")
      ->type_name("DURATION");
  On(start, [this] {
    add_silence_.maintenance = true;
    line_.command = add_silence_;
  });
  CLI::App* list = AddCommand(maintenance, "list", "The windows that are open or to come",
                              "  ronda maintenance list\n  ronda maintenance list --expired");
  list->add_flag("--expired", list_silences_.expired, "Also those that are over, for 5 days");
  On(list, [this] {
    list_silences_.maintenance = true;
    line_.command = list_silences_;
  });
  CLI::App* end = AddCommand(maintenance, "end", "End windows now; what still fires is told",
                             "  ronda maintenance end 5a2f");
  end->add_option("id", expire_silence_.ids, "The id, or the first characters of it")
      ->required()
      ->type_name("ID");
  On(end, [this] {
    expire_silence_.maintenance = true;
    line_.command = expire_silence_;
  });
}

}  // namespace ronda::cli
