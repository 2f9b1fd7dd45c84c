// The subcommands, one file each: cmd_<name>.cc. Each writes its answer to the console and returns
// the exit code; what could not be answered is a status, of which run.cc makes message and code.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/command_line.h"
#include "collector/cli/console.h"
#include "collector/cli/report.h"
#include "collector/query/api.h"
#include "collector/query/channel.h"
#include "collector/query/remote_api.h"

namespace ronda::cli {

struct Context {
  const Settings& settings;
  query::Api& api;
  Console& console;
  absl::TimeZone zone;
};

// Of commands that work on folders, and of those that ask no questions of an Api.
struct FolderContext {
  const Settings& settings;
  Console& console;
  absl::TimeZone zone;
};

absl::StatusOr<int> RunStatus(Context& context, const StatusArgs& args);
absl::StatusOr<int> RunNodes(Context& context, const NodesArgs& args);
absl::StatusOr<int> RunMetrics(Context& context, const MetricsArgs& args);
absl::StatusOr<int> RunQuery(Context& context, const QueryArgs& args);
absl::StatusOr<int> RunExplain(Context& context, const ExplainArgs& args);
absl::StatusOr<int> RunLookUp(Context& context, const LookUpArgs& args);
// Needs no answers.
absl::StatusOr<int> RunFormat(Console& console, const FormatArgs& args);
absl::StatusOr<int> RunCompletion(Console& console, const CompletionArgs& args);
// `ronda __complete WORDS...`: what may stand for the last word, a line each. Says nothing of what
// goes wrong, and asks a collector for half a second at most.
void RunComplete(Console& console, const std::vector<std::string>& words);
absl::StatusOr<int> RunAlerts(Context& context, const AlertsArgs& args);
absl::StatusOr<int> RunGaps(Context& context, const GapsArgs& args);
absl::StatusOr<int> RunSql(Context& context, const SqlArgs& args);
absl::StatusOr<int> RunExport(Context& context, const ExportArgs& args);
absl::StatusOr<int> RunImport(Context& context, const ImportArgs& args);
// Opens no Api: the folder may be too damaged for one.
absl::StatusOr<int> RunRepair(const Settings& settings, Console& console);
absl::StatusOr<int> RunStoreCheck(const FolderContext& context);
absl::StatusOr<int> RunStoreStats(const FolderContext& context);
absl::StatusOr<int> RunBackup(const FolderContext& context, const BackupArgs& args);
absl::StatusOr<int> RunEnrollToken(const FolderContext& context, const EnrollTokenArgs& args);
absl::StatusOr<int> RunChangeNode(const FolderContext& context, const ChangeNodeArgs& args);
absl::StatusOr<int> RunRevoke(const FolderContext& context, const RevokeArgs& args);
absl::StatusOr<int> RunAudit(const FolderContext& context, const AuditArgs& args);
absl::StatusOr<int> RunAddSilence(const FolderContext& context, const AddSilenceArgs& args);
absl::StatusOr<int> RunListSilences(Context& context, const ListSilencesArgs& args);
absl::StatusOr<int> RunExpireSilence(const FolderContext& context, const ExpireSilenceArgs& args);
absl::StatusOr<int> RunRestore(const FolderContext& context, const RestoreArgs& args);
absl::StatusOr<int> RunRulesCheck(const FolderContext& context, const RulesArgs& args);
absl::StatusOr<int> RunRulesTest(const FolderContext& context, const RulesArgs& args);
absl::StatusOr<int> RunRulesList(const FolderContext& context, const RulesArgs& args);
absl::StatusOr<int> RunRulesReload(const FolderContext& context);
absl::StatusOr<int> RunRulesBacktest(const FolderContext& context, const RulesArgs& args);
// Needs no collector and no data.
absl::StatusOr<int> RunTestPromql(Console& console, const TestPromqlArgs& args);

// --- shared by them ---

// Whether an alert passes the filters.
bool IsWanted(const AlertsArgs& args, std::string_view node, std::string_view rule,
              std::string_view severity, std::string_view state);
// The alerts of a window, summed up by args.by.
absl::Status PrintAlertSummary(Context& context, const AlertsArgs& args);
// Prints the rules of the collector that runs; kUnavailable: none does.
absl::Status ListRunningRules(const FolderContext& context);

// In the format that is wanted; kInvalidArgument for what is of samples alone.
absl::Status Print(Context& context, const Report& report);
absl::Status Print(const FolderContext& context, const Report& report);
// How the collector of the settings is reached.
query::ChannelOptions ChannelOf(const Settings& settings);
query::RemoteOptions RemoteOptionsOf(const Settings& settings);
// The folder that --data names, else that of the collector, which must be on this machine.
absl::StatusOr<std::string> DataFolder(const Settings& settings);
// The time base, with a note on standard error where it is not a running collector's.
absl::StatusOr<query::TimeBase> NoteTime(Context& context);
// "firing" in red, "pending" in yellow, ...; also the states of nodes.
Colour ColourOf(std::string_view state);
Colour ColourOfSeverity(std::string_view severity);

}  // namespace ronda::cli
