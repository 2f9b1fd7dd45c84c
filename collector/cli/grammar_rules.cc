// Commands about rules.
#include <CLI/CLI.hpp>

#include "collector/cli/grammar.h"

namespace ronda::cli {

void Grammar::AddRules() {
  using Action = RulesArgs::Action;
  CLI::App* rules =
      AddCommand(app_.get(), "rules", "Rules: check, test, list, try on history, reload",
                 "  ronda rules check /etc/ronda/rules\n"
                 "  ronda rules test tests/*.test.yml\n"
                 "  ronda rules backtest new.yml --since 30d");
  rules->require_subcommand(1);
  const auto add = [this, rules](Action action, const char* name, const char* meaning,
                                 const char* examples) {
    CLI::App* command = AddCommand(rules, name, meaning, examples);
    On(command, [this, action] {
      rules_.action = action;
      line_.command = rules_;
    });
    return command;
  };
  CLI::App* check = add(Action::kCheck, "check",
                        "Every error and warning of rule files, with line and column. Exit code 1 "
                        "if there is an error",
                        "  ronda rules check my.yml\n  ronda rules check /etc/ronda/rules");
  check->add_option("file", rules_.files, "Files, folders, globs (those of the collector)")
      ->type_name("FILE");
  CLI::App* test = add(Action::kTest, "test",
                       "Run unit tests of rules, in promtool's format. Exit code 1 if one fails",
                       "  ronda rules test rules.test.yml");
  test->add_option("file", rules_.files, "The tests")->required()->type_name("FILE");
  CLI::App* list = add(Action::kList, "list",
                       "The rules that the collector runs: how each is evaluated, and its state; "
                       "or those of files",
                       "  ronda rules list\n  ronda rules list --file my.yml -o json");
  list->add_option("file,--file", rules_.files,
                   "Of these files, folders, globs; without a collector those of the default place")
      ->type_name("FILE");
  add(Action::kReload, "reload",
      "Have the collector read its rule files again, and of collector.yml inhibit_rules, flapping "
      "and maintenance; certificates and tokens too. If anything is wrong nothing changes, and the "
      "exit code is 1",
      "  ronda rules check /etc/ronda/rules && ronda rules reload");
  CLI::App* back = add(Action::kBacktest, "backtest",
                       "When the rules of a file would have fired in the stored history, for how "
                       "long, on which nodes, beside those in force of the same names",
                       "  ronda rules backtest new.yml --since 30d\n"
                       "  ronda rules backtest new.yml --since 7d --episodes -o csv");
  back->add_option("file", rules_.files, "The rules")->required()->expected(1)->type_name("FILE");
  back->add_flag("--episodes", rules_.episodes, "Each time that an alert would have fired");
  AddSpan(back, &rules_.window);
}

}  // namespace ronda::cli
