#include "collector/cli/grammar.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

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

}  // namespace

void AddSpan(CLI::App* command, WindowArgs* window) {
  command->add_option("--since", window->since, "From so long before the end of the window")
      ->type_name("DURATION");
  command->add_option("--from", window->from, "Begin of the window")->type_name("TIME");
  command->add_option("--to", window->to, "End of the window (now)")->type_name("TIME");
}

CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& description,
                     const std::string& examples) {
  CLI::App* command = app->add_subcommand(name, description);
  command->fallthrough();
  command->footer("Examples:\n" + examples +
                  "\n\nOptions of all commands (-o, --data, --utc, ...): ronda --help\n");
  return command;
}

Grammar::Grammar() : app_(std::make_unique<CLI::App>(kDescription, "ronda")) {
  app_->footer(kFooter);
  app_->require_subcommand(1);
  app_->set_version_flag("--version", std::string(Version()));
  AddGlobals(app_.get(), &line_.settings);
  On(AddCommand(app_.get(), "status", "The collector's health on one screen",
                "  ronda status\n  ronda --data /var/lib/ronda-collector status"),
     [this] { line_.command = StatusArgs(); });
  AddNodes();
  AddMetrics();
  AddQuery();
  AddLookUps();
  AddAlerts();
  AddSilence();
  AddMaintenance();
  AddGaps();
  AddSql();
  AddExport();
  AddImport();
  AddStore();
  AddBackup();
  AddRestore();
  AddTest();
  AddRules();
  AddEnroll();
  AddRevoke();
  AddAudit();
  AddCompletion();
  On(AddCommand(app_.get(), "version", "The version of this program", "  ronda version"),
     [this] { line_.command = VersionArgs(); });
}

Grammar::~Grammar() = default;

void Grammar::On(CLI::App* command, std::function<void()> callback) {
  command->final_callback(std::move(callback));
}

WordChoices Grammar::ChoicesFor(const std::vector<std::string>& words) {
  WordChoices choices;
  CLI::App* at = app_.get();
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
         {static_cast<const CLI::App*>(at), static_cast<const CLI::App*>(app_.get())}) {
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
  choices.words.erase(std::unique(choices.words.begin(), choices.words.end()), choices.words.end());
  return choices;
}

ParseResult Grammar::Parse(int argc, const char* const* argv) {
  ParseResult result;
  if (const std::string unknown = UnknownCommand(argc, argv); !unknown.empty()) {
    const std::string nearest = NearestName(unknown, CommandNames());
    result.exit_code = kExitUsage;
    result.err = fmt::format("ronda: unknown command \"{}\"{}\nTry: ronda --help\n", unknown,
                             nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
    return result;
  }
  try {
    app_->parse(argc, argv);
    result.line = line_;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool asked = app_->exit(error, out, err) == 0;
    result.exit_code = asked ? kExitOk : kExitUsage;
    result.out = out.str();
    result.err = asked ? err.str() : "ronda: " + err.str();
  }
  return result;
}

CLI::App* Grammar::SubcommandOf(CLI::App* command, const std::string& name) {
  const auto found =
      command->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

const CLI::Option* Grammar::OptionNamed(CLI::App* command, const std::string& word) {
  if (!word.starts_with("-")) {
    return nullptr;
  }
  const CLI::Option* option = command->get_option_no_throw(word);
  return option != nullptr ? option : app_->get_option_no_throw(word);
}

void Grammar::TakeSetting(const std::string& option, const std::string& value, Settings* settings) {
  if (option == "--collector") {
    settings->collector = value;
  } else if (option == "--data") {
    settings->data = value;
  }
}

std::vector<std::string> Grammar::CommandNames() {
  std::vector<std::string> names;
  for (const CLI::App* command : app_->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string Grammar::UnknownCommand(int argc, const char* const* argv) {
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

}  // namespace ronda::cli
