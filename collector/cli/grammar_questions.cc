// Commands that ask.
#include <CLI/CLI.hpp>

#include "collector/cli/grammar.h"

namespace ronda::cli {

void Grammar::AddNodes() {
  CLI::App* command =
      AddCommand(app_.get(), "nodes", "The nodes: state, newest sample, sources, version",
                 "  ronda nodes\n"
                 "  ronda nodes web1              # with its gaps, and what was refused of it\n"
                 "  ronda nodes --all             # those that were retired too\n"
                 "  ronda nodes -o json\n"
                 "  ronda nodes expect web9       # missing until it comes; an alert if not\n"
                 "  ronda nodes retire web1       # gone: its history stays, its alerts end");
  command->add_option("name", nodes_.name, "Only this node")->type_name("NODE");
  command->add_flag("--all", nodes_.all, "Also nodes that were retired");
  // Also called after a command of its own.
  On(command, [this, command] {
    if (command->get_subcommands().empty()) {
      line_.command = nodes_;
    }
  });
  AddChange(command, "expect", "A node is to come: it is missing, and alerted if it does not",
            "  ronda nodes expect web9");
  AddChange(command, "retire",
            "A node is gone: its history stays, its alerts end, no agent of it is let in",
            "  ronda nodes retire web1\n"
            "  ronda revoke web1             # its certificate too");
  AddChange(command, "accept", "A node may be another machine than before: it was set up anew",
            "  ronda nodes accept web1");
  AddChange(command, "unretire", "A node that was retired, or renamed, is back",
            "  ronda nodes --all\n  ronda nodes unretire web1");
  AddChange(command, "rename",
            "A node's data goes under another name from now on; what is there keeps the old one. "
            "Its agent and its certificate stay as they are",
            "  ronda nodes rename web1 web1.example.com\n"
            "  ronda nodes unretire web1     # as before")
      ->add_option("to", change_.to, "Its new name")
      ->required()
      ->type_name("NAME");
}

CLI::App* Grammar::AddChange(CLI::App* nodes, const std::string& change,
                             const std::string& description, const std::string& examples) {
  CLI::App* command = AddCommand(nodes, change, description, examples);
  command->add_option("node", change_.node, "Its name")->required()->type_name("NODE");
  On(command, [this, change] {
    change_.change = change;
    line_.command = change_;
  });
  return command;
}

void Grammar::AddMetrics() {
  CLI::App* command =
      AddCommand(app_.get(), "metrics", "The metrics: type, unit, number of series, meaning",
                 "  ronda metrics\n  ronda metrics memory\n  ronda metrics '^pg_.*_total$'");
  command
      ->add_option("pattern", metrics_.pattern,
                   "Regular expression that a part of the name matches")
      ->type_name("PATTERN");
  On(command, [this] { line_.command = metrics_; });
}

void Grammar::AddQueryOptions(CLI::App* command, QueryArgs* args) {
  command->add_option("expr", args->expr, "PromQL: a metric with label matchers, or more")
      ->required()
      ->type_name("EXPR");
  AddSpan(command, &args->window);
  command->add_option("--at", args->window.at, "The value at this instant (now)")
      ->type_name("TIME");
  command
      ->add_option("--step", args->window.step,
                   "One value each DURATION; without it a metric gives every sample, and an "
                   "expression a step that suits the window")
      ->type_name("DURATION");
}

void Grammar::AddQuery() {
  CLI::App* command = AddCommand(
      app_.get(), "query", "The value of a PromQL expression, now or over a window",
      "  ronda query up\n"
      "  ronda query 'node_filesystem_avail_bytes{node=\"db1\",mountpoint=~\"/|/var.*\"}'\n"
      "  ronda query 'sum by (node) (rate(node_network_receive_bytes_total[1m]))'\n"
      "  ronda query 'topk(3, rate(node_cpu_seconds_total{mode!=\"idle\"}[5m]))' --since 6h -o "
      "plot\n"
      "  ronda query node_load1 --since 1h -o plot\n"
      "  ronda query node_load1 --since 1d --step 5m -o csv > load.csv\n"
      "  ronda query node_load1 --from 2026-11-20T10:00 --to 2026-11-20T10:15 -o json\n"
      "  ronda query 'max_over_time(node_load1[1h])' --at -15m");
  AddQueryOptions(command, &query_);
  On(command, [this] { line_.command = query_; });
  CLI::App* explain = AddCommand(
      app_.get(), "explain", "How an expression is evaluated, what is read, how long it takes",
      "  ronda explain 'sum by (node) (rate(node_cpu_seconds_total[5m]))' --since 1d\n"
      "  ronda explain 'topk(3, node_load1)' -o json");
  AddQueryOptions(explain, &explain_);
  On(explain, [this] { line_.command = explain_; });
  CLI::App* format = AddCommand(app_.get(), "format", "An expression in its canonical spelling",
                                "  ronda format 'sum(rate(x[5m]))by(node)'\n"
                                "  ronda format - < query.promql");
  format->add_option("expr", format_.expr, "PromQL, or - for standard input")
      ->required()
      ->type_name("EXPR");
  On(format, [this] { line_.command = format_; });
}

void Grammar::AddLookUps() {
  using What = LookUpArgs::What;
  const auto add = [this](const char* name, What what, const char* meaning, const char* examples) {
    CLI::App* command = AddCommand(app_.get(), name, meaning, examples);
    if (what == What::kValues) {
      command->add_option("label", look_up_.label, "The label")->required()->type_name("LABEL");
    }
    auto* selectors = command->add_option("selector", look_up_.selectors,
                                          "A metric, with label matchers = != =~ !~");
    selectors->type_name("SELECTOR");
    if (what == What::kSeries) {
      selectors->required();
    }
    AddSpan(command, &look_up_.window);
    On(command, [this, what] {
      look_up_.what = what;
      line_.command = look_up_;
    });
  };
  add("series", What::kSeries, "The series that selectors match, in the last day",
      "  ronda series node_load1\n"
      "  ronda series '{job=\"postgres\",node=\"db1\"}' --since 30d -o json");
  add("labels", What::kLabels, "The names of labels, in the last day",
      "  ronda labels\n  ronda labels node_filesystem_avail_bytes");
  add("values", What::kValues, "The values of a label, in the last day",
      "  ronda values node\n  ronda values mountpoint "
      "'node_filesystem_avail_bytes{node=\"db1\"}'");
}

void Grammar::AddCompletion() {
  CLI::App* command = AddCommand(
      app_.get(), "completion", "A script that completes commands, metrics and labels in a shell",
      "  source <(ronda completion bash)          # in ~/.bashrc\n"
      "  source <(ronda completion zsh)           # in ~/.zshrc, after compinit\n"
      "  ronda completion fish > ~/.config/fish/completions/ronda.fish");
  command->add_option("shell", completion_.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  On(command, [this] { line_.command = completion_; });
}

void Grammar::AddAlerts() {
  CLI::App* command = AddCommand(
      app_.get(), "alerts", "The alerts now or, with a window, what happened to them",
      "  ronda alerts\n  ronda alerts --severity critical --exit-code || echo 'it burns'\n"
      "  ronda alerts --since 30d --node db1\n  ronda alerts --since 30d --by rule");
  AddSpan(command, &alerts_.window);
  command->add_option("--node", alerts_.node, "Only of this node")->type_name("NODE");
  command->add_option("--rule", alerts_.rule, "Only of this rule")->type_name("NAME");
  command->add_option("--severity", alerts_.severity, "Only of this severity")
      ->type_name("SEVERITY");
  command
      ->add_option("--state", alerts_.state,
                   "Only in this state (with a window: that became this state)")
      ->check(CLI::IsMember({"pending", "firing", "unknown", "resolved", "inactive"}));
  command
      ->add_option("--by", alerts_.by,
                   "With a window: how often alerts fired, for how long, and the mean time until "
                   "they were resolved, for each node, rule or severity")
      ->check(CLI::IsMember({"node", "rule", "severity"}));
  command->add_flag("--exit-code", alerts_.exit_code, "Exit with 1 if one of them fires now");
  On(command, [this] { line_.command = alerts_; });
}

void Grammar::AddGaps() {
  CLI::App* command =
      AddCommand(app_.get(), "gaps", "Holes in the samples, and why (last 24 hours)",
                 "  ronda gaps\n  ronda gaps web1 --since 7d\n  ronda gaps -o csv");
  command->add_option("node", gaps_.node, "Only of this node")->type_name("NODE");
  AddSpan(command, &gaps_.window);
  command->add_flag("--late", gaps_.late,
                    "instead: what was missing and came later, from the node's spool");
  On(command, [this] { line_.command = gaps_; });
}

void Grammar::AddSql() {
  CLI::App* command = AddCommand(
      app_.get(), "sql", "SQL on samples, series, nodes, alerts and gaps; reads only",
      "  ronda sql --schema\n"
      "  ronda sql \"SELECT node, max(value) FROM samples WHERE metric = 'node_load1'\n"
      "             AND t_ms > ago('1h') GROUP BY node ORDER BY 2 DESC\"\n"
      "  ronda sql \"SELECT time, value FROM "
      "samples('node_filesystem_avail_bytes{mountpoint=\\\"/\\\"}')\n"
      "             WHERE time >= datetime('now', '-10 minutes')\" -o csv\n"
      "  ronda sql \"SELECT rule, node, count(*) FROM alerts WHERE to_state = 'firing' GROUP BY "
      "1, 2\"\n"
      "  ronda sql --file report.sql -o json");
  command->add_option("statement", sql_.statement, "What to run; - reads standard input")
      ->type_name("SQL");
  command->add_option("--file", sql_.file, "Read the statements from here")->type_name("FILE");
  command->add_option("--timeout", sql_.timeout, "Stop after so long (60s)")->type_name("DURATION");
  command->add_flag("--schema", sql_.schema, "The tables and their columns");
  On(command, [this] { line_.command = sql_; });
}

}  // namespace ronda::cli
