#include "collector/cli/run.h"

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "collector/cli/command_line.h"
#include "collector/cli/commands.h"
#include "collector/query/local_api.h"
#include "collector/query/remote_api.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace ronda::cli {
namespace {

// What the answers come from; the store goes last.
struct Source {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<query::Api> api;
};

absl::StatusOr<Source> OpenSource(const Settings& settings, const Clock& clock) {
  Source source;
  if (settings.data.empty()) {
    source.api = query::NewRemoteApi(RemoteOptionsOf(settings));
    return source;
  }
  RONDA_ASSIGN_OR_RETURN(source.store, store::Store::OpenReadOnly(settings.data, clock));
  query::LocalApi::Options options;
  options.data_dir = settings.data;
  source.api = std::make_unique<query::LocalApi>(*source.store, nullptr, clock, options);
  return source;
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUsage;
    default:
      return kExitUnreachable;
  }
}

struct Dispatch {
  Context& context;
  absl::StatusOr<int> operator()(const StatusArgs& args) const { return RunStatus(context, args); }
  absl::StatusOr<int> operator()(const NodesArgs& args) const { return RunNodes(context, args); }
  absl::StatusOr<int> operator()(const MetricsArgs& args) const {
    return RunMetrics(context, args);
  }
  absl::StatusOr<int> operator()(const QueryArgs& args) const { return RunQuery(context, args); }
  absl::StatusOr<int> operator()(const ExplainArgs& args) const {
    return RunExplain(context, args);
  }
  absl::StatusOr<int> operator()(const LookUpArgs& args) const { return RunLookUp(context, args); }
  absl::StatusOr<int> operator()(const AlertsArgs& args) const { return RunAlerts(context, args); }
  absl::StatusOr<int> operator()(const ListSilencesArgs& args) const {
    return RunListSilences(context, args);
  }
  absl::StatusOr<int> operator()(const GapsArgs& args) const { return RunGaps(context, args); }
  absl::StatusOr<int> operator()(const SqlArgs& args) const { return RunSql(context, args); }
  absl::StatusOr<int> operator()(const ExportArgs& args) const { return RunExport(context, args); }
  absl::StatusOr<int> operator()(const ImportArgs& args) const { return RunImport(context, args); }
  // The rest need no answers from a collector: RunOnFolder has had them.
  template <typename Args>
  absl::StatusOr<int> operator()(const Args&) const {
    return kExitOk;
  }
};

// Commands that work on folders; nullopt: it is none of those.
std::optional<absl::StatusOr<int>> RunOnFolder(const FolderContext& context,
                                               const CommandLine& line) {
  if (std::holds_alternative<RepairArgs>(line.command)) {
    return RunRepair(line.settings, context.console);
  }
  if (std::holds_alternative<StoreCheckArgs>(line.command)) {
    return RunStoreCheck(context);
  }
  if (std::holds_alternative<StoreStatsArgs>(line.command)) {
    return RunStoreStats(context);
  }
  if (const auto* backup = std::get_if<BackupArgs>(&line.command)) {
    return RunBackup(context, *backup);
  }
  if (const auto* token = std::get_if<EnrollTokenArgs>(&line.command)) {
    return RunEnrollToken(context, *token);
  }
  if (const auto* change = std::get_if<ChangeNodeArgs>(&line.command)) {
    return RunChangeNode(context, *change);
  }
  if (const auto* revoke = std::get_if<RevokeArgs>(&line.command)) {
    return RunRevoke(context, *revoke);
  }
  if (const auto* audit = std::get_if<AuditArgs>(&line.command)) {
    return RunAudit(context, *audit);
  }
  if (const auto* add = std::get_if<AddSilenceArgs>(&line.command)) {
    return RunAddSilence(context, *add);
  }
  if (const auto* expire = std::get_if<ExpireSilenceArgs>(&line.command)) {
    return RunExpireSilence(context, *expire);
  }
  if (const auto* restore = std::get_if<RestoreArgs>(&line.command)) {
    return RunRestore(context, *restore);
  }
  if (const auto* rules = std::get_if<RulesArgs>(&line.command)) {
    switch (rules->action) {
      case RulesArgs::Action::kCheck:
        return RunRulesCheck(context, *rules);
      case RulesArgs::Action::kTest:
        return RunRulesTest(context, *rules);
      case RulesArgs::Action::kList:
        return RunRulesList(context, *rules);
      case RulesArgs::Action::kReload:
        return RunRulesReload(context);
      case RulesArgs::Action::kBacktest:
        return RunRulesBacktest(context, *rules);
    }
  }
  return std::nullopt;
}

absl::StatusOr<int> RunCommand(const CommandLine& line, Console& console) {
  if (std::holds_alternative<VersionArgs>(line.command)) {
    console.Out(fmt::format("ronda {}\n", Version()));
    return kExitOk;
  }
  if (const auto* test = std::get_if<TestPromqlArgs>(&line.command)) {
    return RunTestPromql(console, *test);
  }
  if (const auto* format = std::get_if<FormatArgs>(&line.command)) {
    return RunFormat(console, *format);
  }
  if (const auto* completion = std::get_if<CompletionArgs>(&line.command)) {
    return RunCompletion(console, *completion);
  }
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!line.settings.utc) {
    RONDA_ASSIGN_OR_RETURN(zone, LoadZone(line.settings.timezone));
  }
  if (auto code = RunOnFolder({line.settings, console, zone}, line)) {
    return *std::move(code);
  }
  if (std::holds_alternative<ImportArgs>(line.command)) {
    BlockSignals({SIGINT, SIGTERM});  // before gRPC starts threads: RunImport() waits for them
  }
  const SystemClock clock;
  RONDA_ASSIGN_OR_RETURN(const Source source, OpenSource(line.settings, clock));
  Context context{line.settings, *source.api, console, zone};
  return std::visit(Dispatch{context}, line.command);
}

}  // namespace

int Run(int argc, const char* const* argv, std::FILE* out, std::FILE* err) {
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    Console quiet(out, err, Terminal());
    RunComplete(quiet, std::vector<std::string>(argv + 2, argv + argc));
    static_cast<void>(quiet.Finish());
    return kExitOk;
  }
  const ParseResult parsed = ParseCommandLine(argc, argv);
  Console console(out, err,
                  DetectTerminal(parsed.line.has_value() && parsed.line->settings.no_color));
  if (!parsed.line.has_value()) {
    console.Out(parsed.out);
    console.Err(parsed.err);
    static_cast<void>(console.Finish());
    return parsed.exit_code;
  }
  absl::StatusOr<int> code = RunCommand(*parsed.line, console);
  const absl::Status written = console.Finish();
  const absl::Status& status = code.ok() ? written : code.status();
  if (!status.ok()) {
    console.Note(Message(status));
    return ExitCodeOf(status);
  }
  return *code;
}

}  // namespace ronda::cli
