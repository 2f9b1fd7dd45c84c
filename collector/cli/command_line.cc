#include "collector/cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "collector/cli/hints.h"
#include "collector/query/remote_api.h"
#include "common/base/version.h"

namespace ronda::cli {
namespace {

constexpr const char* kDescription =
    "Ask a Ronda collector, or its data folder, about nodes, metrics and alerts";
constexpr const char* kFooter =
    "Times: now, -15m, 2026-11-20T10:00, 2026-11-20T10:00:00Z, Unix seconds. Durations: 90s, 15m, "
    "2d.\n"
    "Exit codes: 0 fine, 1 the answer is no, 2 wrong use, 3 cannot reach.\n"
    "Environment: RONDA_COLLECTOR, RONDA_DATA, NO_COLOR, TZ.\n"
    "\n"
    "Examples:\n"
    "  ronda status\n"
    "  ronda query 'node_load1{node=\"web1\"}' --since 1h -o plot\n"
    "  ronda --data /var/lib/ronda-collector alerts --since 30d\n";

void AddGlobals(CLI::App* app, Settings* settings) {
  auto* collector = app->add_option(
      "--collector", settings->collector,
      "The collector: HOST:PORT or unix:///PATH (" + std::string(query::kDefaultCollector) + ")");
  collector->type_name("ADDR");
  app->add_option("--data", settings->data,
                  "Read this data folder instead; works without a collector")
      ->type_name("DIR")
      ->excludes(collector);
  app->add_option("--cert", settings->tls.certificate,
                  "Certificate for a collector on another machine (~/.config/ronda/cert.pem)")
      ->type_name("FILE");
  app->add_option("--key", settings->tls.key, "Its key (~/.config/ronda/key.pem)")
      ->type_name("FILE");
  app->add_option("--ca", settings->tls.ca, "The authority to trust (~/.config/ronda/ca.pem)")
      ->type_name("FILE");
  app->add_flag("--insecure", settings->insecure, "Speak plain text, also to other machines");
  static const std::map<std::string, Format> kFormats = {{"table", Format::kTable},
                                                         {"csv", Format::kCsv},
                                                         {"json", Format::kJson},
                                                         {"plot", Format::kPlot},
                                                         {"prometheus", Format::kPrometheus}};
  app->add_option("-o,--output", settings->format,
                  "table, csv, json, (query) plot or (export) prometheus")
      ->transform(CLI::CheckedTransformer(kFormats, CLI::ignore_case).description(""))
      ->type_name("FORMAT");
  auto* utc = app->add_flag("--utc", settings->utc, "Times in UTC");
  app->add_option("--timezone", settings->timezone, "Times in this zone (Asia/Jakarta)")
      ->type_name("ZONE")
      ->excludes(utc);
  app->add_flag("--no-color", settings->no_color, "No colours, also on a terminal");
}

void AddSpan(CLI::App* command, WindowArgs* window) {
  command->add_option("--since", window->since, "From so long before the end of the window")
      ->type_name("DURATION");
  command->add_option("--from", window->from, "Begin of the window")->type_name("TIME");
  command->add_option("--to", window->to, "End of the window (now)")->type_name("TIME");
}

// Subcommands take the global options too: `ronda nodes -o json`.
CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& description,
                     const std::string& examples) {
  CLI::App* command = app->add_subcommand(name, description);
  command->fallthrough();
  command->footer("Examples:\n" + examples +
                  "\n\nOptions of all commands (-o, --data, --utc, ...): ronda --help\n");
  return command;
}

// All that can be typed; owns what the options write to.
class Grammar {
 public:
  Grammar() : app_(kDescription, "ronda") {
    app_.footer(kFooter);
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string(Version()));
    AddGlobals(&app_, &line_.settings);
    On(AddCommand(&app_, "status", "The collector's health on one screen",
                  "  ronda status\n  ronda --data /var/lib/ronda-collector status"),
       [this] { line_.command = StatusArgs(); });
    AddNodes();
    AddMetrics();
    AddQuery();
    AddLookUps();
    AddAlerts();
    AddGaps();
    AddSql();
    AddExport();
    AddImport();
    AddStore();
    AddBackup();
    AddRestore();
    AddTest();
    AddEnroll();
    AddRevoke();
    AddAudit();
    AddCompletion();
    On(AddCommand(&app_, "version", "The version of this program", "  ronda version"),
       [this] { line_.command = VersionArgs(); });
  }

  WordChoices ChoicesFor(const std::vector<std::string>& words) {
    WordChoices choices;
    CLI::App* at = &app_;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      const CLI::Option* option = OptionNamed(at, words[i]);
      if (option != nullptr && option->get_items_expected_max() > 0) {
        if (i + 2 == words.size()) {
          choices.option = words[i];
        } else {
          TakeSetting(words[i], words[i + 1], &choices.settings);
        }
        ++i;
        continue;
      }
      const size_t equals = words[i].find('=');
      if (words[i].starts_with("--") && equals != std::string::npos) {
        TakeSetting(words[i].substr(0, equals), words[i].substr(equals + 1), &choices.settings);
      } else if (CLI::App* const sub = SubcommandOf(at, words[i])) {
        at = sub;
        choices.command += (choices.command.empty() ? "" : " ") + words[i];
        choices.position = 0;
      } else if (!words[i].starts_with("-")) {
        ++choices.position;
      }
    }
    const std::string last = words.empty() ? "" : words.back();
    if (!choices.option.empty()) {
      if (choices.option == "-o" || choices.option == "--output") {
        choices.words = {"table", "csv", "json", "plot", "prometheus"};
      }
    } else if (last.starts_with("-")) {
      for (const CLI::App* app :
           {static_cast<const CLI::App*>(at), static_cast<const CLI::App*>(&app_)}) {
        for (const CLI::Option* option : app->get_options()) {
          for (const std::string& name : option->get_lnames()) {
            choices.words.push_back("--" + name);
          }
        }
      }
    } else {
      for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; })) {
        choices.words.push_back(sub->get_name());
      }
      if (choices.command == "completion") {
        choices.words = {"bash", "zsh", "fish"};
      }
    }
    std::erase_if(choices.words, [&](const std::string& word) { return !word.starts_with(last); });
    std::sort(choices.words.begin(), choices.words.end());
    choices.words.erase(std::unique(choices.words.begin(), choices.words.end()),
                        choices.words.end());
    return choices;
  }

  ParseResult Parse(int argc, const char* const* argv) {
    ParseResult result;
    if (const std::string unknown = UnknownCommand(argc, argv); !unknown.empty()) {
      const std::string nearest = NearestName(unknown, CommandNames());
      result.exit_code = kExitUsage;
      result.err =
          fmt::format("ronda: unknown command \"{}\"{}\nTry: ronda --help\n", unknown,
                      nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
      return result;
    }
    try {
      app_.parse(argc, argv);
      result.line = line_;
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const bool asked = app_.exit(error, out, err) == 0;
      result.exit_code = asked ? kExitOk : kExitUsage;
      result.out = out.str();
      result.err = asked ? err.str() : "ronda: " + err.str();
    }
    return result;
  }

 private:
  // Null: it has none of that name.
  static CLI::App* SubcommandOf(CLI::App* command, const std::string& name) {
    const auto found =
        command->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
    return found.empty() ? nullptr : found.front();
  }

  // Of the command or of the whole program; null: it is none.
  const CLI::Option* OptionNamed(CLI::App* command, const std::string& word) {
    if (!word.starts_with("-")) {
      return nullptr;
    }
    const CLI::Option* option = command->get_option_no_throw(word);
    return option != nullptr ? option : app_.get_option_no_throw(word);
  }

  static void TakeSetting(const std::string& option, const std::string& value, Settings* settings) {
    if (option == "--collector") {
      settings->collector = value;
    } else if (option == "--data") {
      settings->data = value;
    }
  }

  std::vector<std::string> CommandNames() {
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
    }
    return names;
  }

  // The first word that is no option and no option's value, if it is no command; else "".
  std::string UnknownCommand(int argc, const char* const* argv) {
    static const std::set<std::string> kWithValue = {"--collector", "--data", "-o",    "--output",
                                                     "--timezone",  "--cert", "--key", "--ca"};
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (kWithValue.contains(word)) {
        ++i;
      } else if (word.empty() || word[0] != '-') {
        const std::vector<std::string> names = CommandNames();
        return std::find(names.begin(), names.end(), word) != names.end() ? "" : word;
      }
    }
    return "";
  }

  template <typename F>
  static void On(CLI::App* command, F callback) {
    command->final_callback(callback);
  }

  void AddNodes() {
    CLI::App* command =
        AddCommand(&app_, "nodes", "The nodes: state, newest sample, sources, version",
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
    AddChange(command, "unretire", "A node that was retired is back",
              "  ronda nodes --all\n  ronda nodes unretire web1");
  }

  void AddChange(CLI::App* nodes, const std::string& change, const std::string& description,
                 const std::string& examples) {
    CLI::App* command = AddCommand(nodes, change, description, examples);
    command->add_option("node", change_.node, "Its name")->required()->type_name("NODE");
    On(command, [this, change] {
      change_.change = change;
      line_.command = change_;
    });
  }

  void AddMetrics() {
    CLI::App* command =
        AddCommand(&app_, "metrics", "The metrics: type, unit, number of series, meaning",
                   "  ronda metrics\n  ronda metrics memory\n  ronda metrics '^pg_.*_total$'");
    command
        ->add_option("pattern", metrics_.pattern,
                     "Regular expression that a part of the name matches")
        ->type_name("PATTERN");
    On(command, [this] { line_.command = metrics_; });
  }

  void AddQueryOptions(CLI::App* command, QueryArgs* args) {
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

  void AddQuery() {
    CLI::App* command = AddCommand(
        &app_, "query", "The value of a PromQL expression, now or over a window",
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
        &app_, "explain", "How an expression is evaluated, what is read, how long it takes",
        "  ronda explain 'sum by (node) (rate(node_cpu_seconds_total[5m]))' --since 1d\n"
        "  ronda explain 'topk(3, node_load1)' -o json");
    AddQueryOptions(explain, &explain_);
    On(explain, [this] { line_.command = explain_; });
    CLI::App* format = AddCommand(&app_, "format", "An expression in its canonical spelling",
                                  "  ronda format 'sum(rate(x[5m]))by(node)'\n"
                                  "  ronda format - < query.promql");
    format->add_option("expr", format_.expr, "PromQL, or - for standard input")
        ->required()
        ->type_name("EXPR");
    On(format, [this] { line_.command = format_; });
  }

  void AddLookUps() {
    using What = LookUpArgs::What;
    const auto add = [this](const char* name, What what, const char* meaning,
                            const char* examples) {
      CLI::App* command = AddCommand(&app_, name, meaning, examples);
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

  void AddCompletion() {
    CLI::App* command = AddCommand(
        &app_, "completion", "A script that completes commands, metrics and labels in a shell",
        "  source <(ronda completion bash)          # in ~/.bashrc\n"
        "  source <(ronda completion zsh)           # in ~/.zshrc, after compinit\n"
        "  ronda completion fish > ~/.config/fish/completions/ronda.fish");
    command->add_option("shell", completion_.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("SHELL");
    On(command, [this] { line_.command = completion_; });
  }

  void AddAlerts() {
    CLI::App* command = AddCommand(
        &app_, "alerts", "The alerts now or, with a window, what happened to them",
        "  ronda alerts\n  ronda alerts --severity critical --exit-code || echo 'it burns'\n"
        "  ronda alerts --since 30d --node db1");
    AddSpan(command, &alerts_.window);
    command->add_option("--node", alerts_.node, "Only of this node")->type_name("NODE");
    command->add_option("--rule", alerts_.rule, "Only of this rule")->type_name("NAME");
    command->add_option("--severity", alerts_.severity, "Only of this severity")
        ->type_name("SEVERITY");
    command
        ->add_option("--state", alerts_.state,
                     "Only in this state (with a window: that became this state)")
        ->check(CLI::IsMember({"pending", "firing", "unknown", "resolved", "inactive"}));
    command->add_flag("--exit-code", alerts_.exit_code, "Exit with 1 if one of them fires now");
    On(command, [this] { line_.command = alerts_; });
  }

  void AddGaps() {
    CLI::App* command =
        AddCommand(&app_, "gaps", "Holes in the samples, and why (last 24 hours)",
                   "  ronda gaps\n  ronda gaps web1 --since 7d\n  ronda gaps -o csv");
    command->add_option("node", gaps_.node, "Only of this node")->type_name("NODE");
    AddSpan(command, &gaps_.window);
    command->add_flag("--late", gaps_.late,
                      "instead: what was missing and came later, from the node's spool");
    On(command, [this] { line_.command = gaps_; });
  }

  void AddSql() {
    CLI::App* command = AddCommand(
        &app_, "sql", "SQL on samples, series, nodes, alerts and gaps; reads only",
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
    command->add_option("--timeout", sql_.timeout, "Stop after so long (60s)")
        ->type_name("DURATION");
    command->add_flag("--schema", sql_.schema, "The tables and their columns");
    On(command, [this] { line_.command = sql_; });
  }

  void AddExport() {
    CLI::App* command = AddCommand(
        &app_, "export", "Raw samples as CSV or Prometheus text, for `ronda import` and others",
        "  ronda export > all.csv\n"
        "  ronda export 'node_load1{node=\"web1\"}' up --since 7d --file load.csv\n"
        "  ronda export --from 2026-11-01 --to 2026-11-02 -o prometheus | zstd > day.prom.zst");
    command
        ->add_option("selector", export_.selectors,
                     "Metrics, with label matchers; none: every series")
        ->type_name("SELECTOR");
    AddSpan(command, &export_.window);
    command->add_option("--file", export_.file, "Write here (- is standard output)")
        ->type_name("FILE");
    On(command, [this] { line_.command = export_; });
  }

  void AddImport() {
    CLI::App* command = AddCommand(
        &app_, "import", "Samples of such files into a running collector; what is there stays",
        "  ronda import all.csv\n"
        "  zstdcat day.prom.zst | ronda import -\n"
        "  ronda import metrics.prom --node web1 --job legacy --dry-run");
    command->add_option("file", import_.files, "CSV or Prometheus text; - is standard input")
        ->required()
        ->type_name("FILE");
    command->add_option("--node", import_.node, "The node of series without the label node")
        ->type_name("NODE");
    command->add_option("--job", import_.job, "The job of series without the label job (import)")
        ->type_name("JOB");
    command->add_flag("--seconds", import_.seconds,
                      "Times are in seconds (OpenMetrics), not milliseconds");
    command->add_flag("--skip-bad", import_.skip_bad, "Leave bad lines out instead of stopping");
    command->add_flag("--dry-run", import_.dry_run, "Read and check, write nothing");
    On(command, [this] { line_.command = import_; });
  }

  void AddStore() {
    CLI::App* store = AddCommand(&app_, "store", "Care for a data folder",
                                 "  ronda store check --data /var/lib/ronda-collector\n"
                                 "  ronda store stats --data /var/lib/ronda-collector\n"
                                 "  ronda store repair --data /var/lib/ronda-collector");
    store->require_subcommand(1);
    On(AddCommand(store, "check",
                  "Read every page, row, block and record, and every checksum; changes nothing, "
                  "also beside a running collector. Exit code 1 if something is damaged",
                  "  ronda store check\n"
                  "  ronda store check --data /var/lib/ronda-collector -o json"),
       [this] { line_.command = StoreCheckArgs(); });
    On(AddCommand(store, "stats", "Bytes, rows and samples of each file, by kind",
                  "  ronda store stats\n"
                  "  ronda store stats --data /var/lib/ronda-collector -o json"),
       [this] { line_.command = StoreStatsArgs(); });
    CLI::App* repair =
        AddCommand(store, "repair", "Rebuild a damaged ronda.db, keeping all that can be read",
                   "  ronda --data /var/lib/ronda-collector store repair");
    On(repair, [this] { line_.command = RepairArgs(); });
  }

  void AddBackup() {
    CLI::App* backup = AddCommand(
        &app_, "backup",
        "Copy the data into a folder, also while the collector runs; after the first time only "
        "what changed",
        "  ronda backup /backup/ronda                    # of the collector on this machine\n"
        "  ronda backup /backup/ronda --data /var/lib/ronda-collector\n"
        "  ronda backup verify /backup/ronda || echo 'the backup is damaged'\n"
        "  ronda backup drill /backup/ronda\n"
        "  ronda restore /backup/ronda --data /var/lib/ronda-collector");
    backup->require_subcommand(0, 1);
    auto* dir = backup->add_option("dir", backup_.dir, "Where the backup is, or is to be");
    dir->type_name("DIR");
    backup->add_flag("--full", backup_.full,
                     "Copy closed history files again, also where they seem not to have changed");
    CLI::App* verify = AddCommand(
        backup, "verify",
        "Read a backup: checksums, SQLite's own order, every row, block and record. Exit code 1 if "
        "something is damaged",
        "  ronda backup verify /backup/ronda");
    verify->add_option("dir", backup_.dir, "The backup")->required()->type_name("DIR");
    On(verify, [this] {
      backup_.action = BackupArgs::Action::kVerify;
      line_.command = backup_;
    });
    CLI::App* drill = AddCommand(
        backup, "drill",
        "Restore a backup into a scratch folder, read all of it, and say how long that took",
        "  ronda backup drill /backup/ronda\n"
        "  ronda backup drill /backup/ronda --scratch /var/tmp -o json");
    drill->add_option("dir", backup_.dir, "The backup")->required()->type_name("DIR");
    drill->add_option("--scratch", backup_.scratch, "Where to restore to (TMPDIR, or /tmp)")
        ->type_name("DIR");
    On(drill, [this] {
      backup_.action = BackupArgs::Action::kDrill;
      line_.command = backup_;
    });
    On(backup, [this, backup] {
      if (backup->get_subcommands().empty()) {
        if (backup_.dir.empty()) {
          throw CLI::RequiredError("backup: DIR");
        }
        line_.command = backup_;
      }
    });
  }

  void AddRestore() {
    CLI::App* command = AddCommand(
        &app_, "restore",
        "Bring a backup back into a data folder that no collector has; the backup is verified "
        "before, the data after",
        "  ronda restore /backup/ronda --data /var/lib/ronda-collector\n"
        "  ronda restore /backup/ronda --data /var/lib/ronda-collector --replace");
    command->add_option("backup", restore_.backup, "The backup")->required()->type_name("DIR");
    command->add_flag("--replace", restore_.replace,
                      "Where there is data, first rename its folder to DIR.before-restore-TIME");
    On(command, [this] { line_.command = restore_; });
  }

  void AddTest() {
    CLI::App* test = AddCommand(&app_, "test", "Try rules and expressions out, without a collector",
                                "  ronda test promql tests/promql/*.test");
    test->require_subcommand(1);
    CLI::App* promql = AddCommand(
        test, "promql",
        "Run test scripts of PromQL (load, eval instant, eval range, expect). Exit code 1 if a "
        "case "
        "fails",
        "  ronda test promql tests/promql/*.test\n  ronda test promql mine.test --verbose");
    promql->add_option("file", test_promql_.files, "The scripts")->required()->type_name("FILE");
    promql->add_flag("-v,--verbose", test_promql_.verbose, "Say what was skipped, and why");
    On(promql, [this] { line_.command = test_promql_; });
  }

  void AddEnroll() {
    CLI::App* enroll =
        AddCommand(&app_, "enroll", "Let new agents in",
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

  void AddRevoke() {
    CLI::App* command =
        AddCommand(&app_, "revoke",
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

  void AddAudit() {
    CLI::App* command = AddCommand(
        &app_, "audit", "Who changed what: tokens, enrolments, revocations, people",
        "  ronda audit\n"
        "  ronda audit --check                      # 1 if an entry was changed or taken out\n"
        "  ronda audit --check --head 3f5a...       # and if it is not the chain of that day\n"
        "  ronda --data /backup/ronda audit --check");
    command->add_flag("--check", audit_.check, "Walk the chain of hashes instead of listing it");
    command->add_option("--head", audit_.head, "A hash that an earlier --check printed")
        ->type_name("HASH");
    On(command, [this] { line_.command = audit_; });
  }

  CLI::App app_;
  CommandLine line_;
  EnrollTokenArgs enroll_;
  ChangeNodeArgs change_;
  RevokeArgs revoke_;
  AuditArgs audit_;
  NodesArgs nodes_;
  MetricsArgs metrics_;
  QueryArgs query_;
  ExplainArgs explain_;
  FormatArgs format_;
  LookUpArgs look_up_;
  CompletionArgs completion_;
  AlertsArgs alerts_;
  GapsArgs gaps_;
  BackupArgs backup_;
  RestoreArgs restore_;
  TestPromqlArgs test_promql_;
  SqlArgs sql_;
  ExportArgs export_;
  ImportArgs import_;
};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What `ronda-collector ca user` made and the person put there.
void FindOwnCertificate(Settings* settings) {
  const std::string home = Environment("HOME");
  const std::string base = Environment("XDG_CONFIG_HOME");
  const std::string dir = (base.empty() ? home + "/.config" : base) + "/ronda/";
  const tls::Files own{dir + "ca.pem", dir + "cert.pem", dir + "key.pem"};
  if (settings->tls.empty() && access(own.certificate.c_str(), F_OK) == 0) {
    settings->tls = own;
  }
}

void FillSettings(Settings* settings) {
  if (settings->collector.empty() && settings->data.empty()) {
    settings->data = Environment("RONDA_DATA");
    settings->collector = settings->data.empty() ? Environment("RONDA_COLLECTOR") : "";
  }
  if (settings->collector.empty() && settings->data.empty()) {
    settings->collector = query::kDefaultCollector;
  }
  FindOwnCertificate(settings);
}

}  // namespace

WordChoices ChoicesFor(const std::vector<std::string>& words) {
  WordChoices choices = Grammar().ChoicesFor(words);
  FillSettings(&choices.settings);
  return choices;
}

ParseResult ParseCommandLine(int argc, const char* const* argv) {
  Grammar grammar;
  ParseResult result = grammar.Parse(argc, argv);
  if (result.line.has_value()) {
    FillSettings(&result.line->settings);
  }
  return result;
}

}  // namespace ronda::cli
