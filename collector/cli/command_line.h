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
};
struct MetricsArgs {
  std::string pattern;
};
struct QueryArgs {
  std::string selector;
  WindowArgs window;
};
struct AlertsArgs {
  WindowArgs window;  // empty: the present
  std::string node;
  std::string rule;
  std::string severity;
  std::string state;
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
struct RevokeArgs {
  std::string name;
  bool user = false;
  bool force = false;
};
struct AuditArgs {
  bool check = false;
  std::string head;  // a hash that the chain must have passed
};
struct RestoreArgs {
  std::string backup;
  bool replace = false;
};
struct TestPromqlArgs {
  std::vector<std::string> files;
  bool verbose = false;
};
struct VersionArgs {};

struct CommandLine {
  Settings settings;
  std::variant<StatusArgs, NodesArgs, MetricsArgs, QueryArgs, AlertsArgs, GapsArgs, SqlArgs,
               ExportArgs, ImportArgs, RepairArgs, StoreCheckArgs, StoreStatsArgs, BackupArgs,
               RestoreArgs, TestPromqlArgs, EnrollTokenArgs, RevokeArgs, AuditArgs, VersionArgs>
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

}  // namespace ronda::cli
