// What was typed, parsed.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collector/cli/times.h"
#include "common/tls/files.h"

namespace ronda::cli {

// Exit codes (README.md).
inline constexpr int kExitOk = 0;
inline constexpr int kExitNo = 1;     // the answer is "no"
inline constexpr int kExitUsage = 2;  // wrong use
inline constexpr int kExitUnreachable =
    3;  // no collector, no data, or the answer cannot be written

enum class Format { kTable, kCsv, kJson, kPlot, kPrometheus };

struct Settings {
  std::string collector;  // "" with `data`
  std::string data;       // a data folder
  tls::Files tls;         // of a person, for collectors on other machines
  bool insecure = false;  // plain text, also to other machines
  Format format = Format::kTable;
  bool utc = false;
  std::string timezone;
  bool no_color = false;
};

struct StatusArgs {};
struct NodesArgs {
  std::string name;
  bool all = false;  // also those that were retired
};
struct MetricsArgs {
  std::string pattern;
};
struct QueryArgs {
  std::string expr;
  WindowArgs window;
};
// `ronda explain` takes what `ronda query` takes.
struct ExplainArgs : QueryArgs {};
struct FormatArgs {
  std::string expr;  // "-": standard input
};
// `ronda series`, `labels` and `values`.
struct LookUpArgs {
  enum class What { kSeries, kLabels, kValues };
  What what = What::kSeries;
  std::string label;                   // of kValues
  std::vector<std::string> selectors;  // none: every series (not of kSeries)
  WindowArgs window;                   // without --at and --step
};
struct CompletionArgs {
  std::string shell;
};
struct AlertsArgs {
  WindowArgs window;  // empty: the present
  std::string node;
  std::string rule;
  std::string severity;
  std::string state;
  std::string by;  // sum up by "node", "rule" or "severity"; "": do not
  bool exit_code = false;
};
struct GapsArgs {
  bool late = false;
  WindowArgs window;
  std::string node;
};
struct SqlArgs {
  std::string statement;  // "-": standard input
  std::string file;
  std::string timeout;
  bool schema = false;
};
struct ExportArgs {
  std::vector<std::string> selectors;  // none: every series
  WindowArgs window;                   // without --at and --step
  std::string file = "-";
};
struct ImportArgs {
  std::vector<std::string> files;
  std::string node;
  std::string job = "import";
  bool seconds = false;
  bool skip_bad = false;
  bool dry_run = false;
};
struct RepairArgs {};
struct StoreCheckArgs {};
struct StoreStatsArgs {};
struct BackupArgs {
  enum class Action { kMake, kVerify, kDrill };
  Action action = Action::kMake;
  std::string dir;
  std::string scratch;  // of a drill; "" the folder for temporary files
  bool full = false;
};
struct EnrollTokenArgs {
  std::string node;  // "": any new one
  std::string for_how_long = "1h";
};
struct ChangeNodeArgs {
  std::string change;  // "expect", "retire", "unretire", "accept", "rename"
  std::string node;
  std::string to;  // of "rename"
};
struct RevokeArgs {
  std::string name;
  bool user = false;
  bool force = false;
};
struct AuditArgs {
  bool check = false;
  std::string head;  // a hash that the chain must have passed
};
// `ronda silence` and, with `maintenance`, `ronda maintenance`.
struct AddSilenceArgs {
  bool maintenance = false;
  std::vector<std::string> matchers;  // of maintenance also names of nodes
  std::string for_how_long;
  std::string from;
  std::string until;
  std::string comment;
  std::string name;      // of maintenance
  std::string announce;  // of maintenance
};
struct ListSilencesArgs {
  bool maintenance = false;
  bool expired = false;
};
struct ExpireSilenceArgs {
  bool maintenance = false;
  std::vector<std::string> ids;
};
struct RestoreArgs {
  std::string backup;
  bool replace = false;
};
struct TestPromqlArgs {
  std::vector<std::string> files;
  bool verbose = false;
};
struct RulesArgs {
  enum class Action { kCheck, kTest, kList, kBacktest, kReload };
  Action action = Action::kCheck;
  std::vector<std::string> files;
  WindowArgs window;      // of a back-test
  bool episodes = false;  // likewise
};
struct VersionArgs {};

struct CommandLine {
  Settings settings;
  std::variant<StatusArgs, NodesArgs, MetricsArgs, QueryArgs, ExplainArgs, FormatArgs, LookUpArgs,
               CompletionArgs, AlertsArgs, GapsArgs, SqlArgs, ExportArgs, ImportArgs, RepairArgs,
               StoreCheckArgs, StoreStatsArgs, BackupArgs, RestoreArgs, TestPromqlArgs,
               EnrollTokenArgs, ChangeNodeArgs, RevokeArgs, AuditArgs, AddSilenceArgs,
               ListSilencesArgs, ExpireSilenceArgs, RulesArgs, VersionArgs>
      command;
};

struct ParseResult {
  std::optional<CommandLine> line;  // nothing: print `out` and `err`, exit
  int exit_code = kExitOk;
  std::string out;
  std::string err;
};

// Reads the environment too: RONDA_COLLECTOR and RONDA_DATA where neither option is given.
ParseResult ParseCommandLine(int argc, const char* const* argv);

// What may stand in place of the last of `words` (the program's name not among them), by the
// grammar alone: commands, options, and the values of options that have a list of them.
struct WordChoices {
  std::vector<std::string> words;
  std::string command;  // "query", "store check"; "" if none was named yet
  std::string option;   // whose value the last word is; "" if it is none's
  size_t position = 0;  // among the command's own words, from 0
  Settings settings;    // as far as the words before say
};
WordChoices ChoicesFor(const std::vector<std::string>& words);

}  // namespace ronda::cli
