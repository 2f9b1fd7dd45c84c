// All that can be typed: commands, options, what they say of themselves. For command_line.cc alone.
//
// grammar.cc reads a line; the commands are in grammar_questions.cc, grammar_data.cc,
// grammar_rules.cc, grammar_silence.cc and grammar_trust.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collector/cli/command_line.h"
#include "collector/cli/hints.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ronda::cli {

// Options of a window in time.
void AddSpan(CLI::App* command, WindowArgs* window);
// Subcommands take the global options too: `ronda nodes -o json`.
CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& description,
                     const std::string& examples);

// Owns what the options write to.
class Grammar {
 public:
  Grammar();
  ~Grammar();

  WordChoices ChoicesFor(const std::vector<std::string>& words);

  ParseResult Parse(int argc, const char* const* argv);

 private:
  // Null: it has none of that name.
  static CLI::App* SubcommandOf(CLI::App* command, const std::string& name);

  // Of the command or of the whole program; null: it is none.
  const CLI::Option* OptionNamed(CLI::App* command, const std::string& word);

  static void TakeSetting(const std::string& option, const std::string& value, Settings* settings);

  std::vector<std::string> CommandNames();

  // The first word that is no option and no option's value, if it is no command; else "".
  std::string UnknownCommand(int argc, const char* const* argv);

  static void On(CLI::App* command, std::function<void()> callback);

  void AddNodes();
  CLI::App* AddChange(CLI::App* nodes, const std::string& change, const std::string& description,
                      const std::string& examples);
  void AddMetrics();
  void AddQueryOptions(CLI::App* command, QueryArgs* args);
  void AddQuery();
  void AddLookUps();
  void AddCompletion();
  void AddAlerts();
  void AddGaps();
  void AddSql();
  void AddExport();
  void AddImport();
  void AddStore();
  void AddBackup();
  void AddRestore();
  void AddTest();
  void AddSilence();
  void AddMaintenance();
  void AddSilenceOptions(CLI::App* command);
  void AddEnroll();
  void AddRevoke();
  void AddAudit();
  void AddRules();

  const std::unique_ptr<CLI::App> app_;
  CommandLine line_;
  AddSilenceArgs add_silence_;
  ListSilencesArgs list_silences_;
  ExpireSilenceArgs expire_silence_;
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
  RulesArgs rules_;
  SqlArgs sql_;
  ExportArgs export_;
  ImportArgs import_;
};

}  // namespace ronda::cli
