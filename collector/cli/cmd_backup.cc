#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "collector/backup/backup.h"
#include "collector/backup/restore.h"
#include "collector/backup/verify.h"
#include "collector/cli/commands.h"
#include "collector/cli/progress.h"
#include "collector/cli/units.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

std::string Bytes(int64_t bytes) { return HumanBytes(static_cast<double>(bytes)); }

// One row, for machines.
class OneRow {
 public:
  void Add(const std::string& key, Cell cell) {
    columns_.push_back({key, key});
    row_.push_back(std::move(cell));
  }
  void Add(const std::string& key, int64_t value) { Add(key, Cell::Number(value, "")); }
  void Add(const std::string& key, const std::string& value) { Add(key, Cell::Text(value)); }
  void AddTime(const std::string& key, int64_t t_ms, absl::TimeZone zone) {
    Add(key, t_ms == 0 ? Cell::None() : Cell::Text(FormatRfc3339(t_ms, zone)));
  }
  Report Take() {
    Report report(std::move(columns_));
    report.Add(std::move(row_));
    return report;
  }

 private:
  std::vector<Column> columns_;
  std::vector<Cell> row_;
};

backup::Progress ToldBy(ProgressLine* line) {
  return [line](std::string_view what, int64_t done, int64_t all) { line->Tell(what, done, all); };
}

absl::StatusOr<int> Make(const FolderContext& context, const BackupArgs& args) {
  const SystemClock clock;
  backup::BackupOptions options;
  RONDA_ASSIGN_OR_RETURN(options.data_dir, DataFolder(context.settings));
  options.backup_dir = args.dir;
  options.full = args.full;
  const int64_t start = clock.MonotonicMs();
  backup::BackupResult result;
  {
    ProgressLine line;
    options.progress = ToldBy(&line);
    RONDA_ASSIGN_OR_RETURN(result, backup::MakeBackup(options, clock));
  }
  const int64_t took_ms = clock.MonotonicMs() - start;
  const backup::Manifest& manifest = result.manifest;
  if (context.settings.format != Format::kTable) {
    OneRow row;
    row.Add("backup", args.dir);
    row.Add("data_dir", manifest.data_dir);
    row.Add("live", {"", manifest.live ? "true" : "false", true, Colour::kNone});
    row.AddTime("taken", manifest.started_ms, context.zone);
    row.Add("files", static_cast<int64_t>(manifest.files.size()));
    row.Add("bytes", manifest.TotalBytes());
    row.Add("copied_files", result.copied_files);
    row.Add("copied_bytes", result.copied_bytes);
    row.Add("kept_files", result.kept_files);
    row.Add("removed_files", result.removed_files);
    row.Add("took_ms", took_ms);
    RONDA_RETURN_IF_ERROR(Print(context, row.Take()));
    return kExitOk;
  }
  context.console.Out(fmt::format(
      "{}: backup of {}{}, {} files, {}: {} copied ({}), {} unchanged, {} removed, in {}\n",
      args.dir, manifest.data_dir, manifest.live ? " beside its collector" : "",
      manifest.files.size(), Bytes(manifest.TotalBytes()), result.copied_files,
      Bytes(result.copied_bytes), result.kept_files, result.removed_files, HumanDuration(took_ms)));
  if (manifest.Find("trust/ca.key") != nullptr) {
    context.console.Note(
        fmt::format("{} holds the private key of this collector's certificates: keep it where "
                    "nobody else reads",
                    args.dir));
  }
  return kExitOk;
}

absl::StatusOr<int> Verify(const FolderContext& context, const BackupArgs& args) {
  absl::StatusOr<backup::VerifyResult> verified;
  {
    ProgressLine line;
    verified = backup::VerifyBackup(args.dir, ToldBy(&line));
  }
  if (absl::IsDataLoss(verified.status())) {
    // The manifest itself is what is damaged.
    backup::VerifyResult damaged;
    damaged.problem_count = 1;
    damaged.problems.emplace_back(Message(verified.status()));
    verified = std::move(damaged);
  }
  RONDA_RETURN_IF_ERROR(verified.status());
  const int code = verified->problem_count > 0 ? kExitNo : kExitOk;
  if (context.settings.format != Format::kTable) {
    std::string problems;
    for (const std::string& problem : verified->problems) {
      problems += (problems.empty() ? "" : ",") + JsonString(problem);
    }
    OneRow row;
    row.Add("backup", args.dir);
    row.AddTime("taken", verified->manifest.started_ms, context.zone);
    row.Add("files", verified->files);
    row.Add("bytes", verified->bytes);
    row.Add("problem_count", verified->problem_count);
    row.Add("problems", {"", "[" + problems + "]", true, Colour::kNone});
    RONDA_RETURN_IF_ERROR(Print(context, row.Take()));
    return code;
  }
  for (const std::string& problem : verified->problems) {
    context.console.Out(problem + "\n");
  }
  context.console.Out(fmt::format(
      "{}: {} files, {}: {}\n", args.dir, verified->files, Bytes(verified->bytes),
      code == kExitOk ? fmt::format("all in order, taken {}",
                                    FormatInstant(verified->manifest.started_ms, context.zone))
                      : fmt::format("DAMAGED, {} problems", verified->problem_count)));
  return code;
}

absl::StatusOr<int> Drill(const FolderContext& context, const BackupArgs& args) {
  const SystemClock clock;
  std::string scratch = args.scratch;
  if (scratch.empty()) {
    std::error_code error;
    scratch = std::filesystem::temp_directory_path(error).string();
  }
  backup::DrillResult result;
  {
    ProgressLine line;
    RONDA_ASSIGN_OR_RETURN(result, backup::Drill(args.dir, scratch, ToldBy(&line), clock));
  }
  const int code = result.damaged_parts > 0 ? kExitNo : kExitOk;
  if (context.settings.format != Format::kTable) {
    OneRow row;
    row.Add("backup", args.dir);
    row.AddTime("taken", result.manifest.started_ms, context.zone);
    row.Add("files", static_cast<int64_t>(result.manifest.files.size()));
    row.Add("bytes", result.manifest.TotalBytes());
    row.Add("restore_ms", result.restore_ms);
    row.Add("open_ms", result.open_ms);
    row.Add("read_ms", result.read_ms);
    row.Add("nodes", result.nodes);
    row.Add("series", result.series);
    row.Add("samples", result.samples);
    row.AddTime("oldest", result.oldest_ms, context.zone);
    row.AddTime("newest", result.newest_ms, context.zone);
    row.Add("alert_events", result.alert_events);
    row.Add("alerts_active", result.alerts_active);
    row.Add("damaged_parts", result.damaged_parts);
    RONDA_RETURN_IF_ERROR(Print(context, row.Take()));
    return code;
  }
  std::string out =
      fmt::format("{}: {}\n", args.dir,
                  code == kExitOk ? "the drill passed: all of it can be restored and read"
                                  : "the drill FAILED: parts are damaged");
  const auto line = [&](std::string_view name, const std::string& text) {
    out += fmt::format("  {:9} {}\n", name, text);
  };
  line("taken", FormatInstant(result.manifest.started_ms, context.zone));
  line("files",
       fmt::format("{}, {}", result.manifest.files.size(), Bytes(result.manifest.TotalBytes())));
  line("time", fmt::format("verified and restored in {}, opened in {}, read in {}",
                           HumanDuration(result.restore_ms), HumanDuration(result.open_ms),
                           HumanDuration(result.read_ms)));
  line("nodes", HumanCount(result.nodes));
  line("samples",
       fmt::format("{} of {} series", HumanCount(result.samples), HumanCount(result.series)));
  if (result.newest_ms > 0) {
    line("span", fmt::format("{} to {}", FormatInstant(result.oldest_ms, context.zone),
                             FormatInstant(result.newest_ms, context.zone)));
  }
  line("alerts", fmt::format("{} active, {} transitions in the log",
                             HumanCount(result.alerts_active), HumanCount(result.alert_events)));
  if (code != kExitOk) {
    line("damaged", fmt::format("{} parts left out", result.damaged_parts));
  }
  context.console.Out(out);
  return code;
}

}  // namespace

absl::StatusOr<int> RunBackup(const FolderContext& context, const BackupArgs& args) {
  switch (args.action) {
    case BackupArgs::Action::kMake:
      return Make(context, args);
    case BackupArgs::Action::kVerify:
      return Verify(context, args);
    case BackupArgs::Action::kDrill:
      break;
  }
  return Drill(context, args);
}

absl::StatusOr<int> RunRestore(const FolderContext& context, const RestoreArgs& args) {
  if (context.settings.data.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "`restore` needs the data folder to restore into: ronda restore {} --data DIR",
                args.backup);
  }
  const SystemClock clock;
  backup::RestoreOptions options;
  options.backup_dir = args.backup;
  options.data_dir = context.settings.data;
  options.replace = args.replace;
  const int64_t start = clock.MonotonicMs();
  backup::RestoreResult result;
  {
    ProgressLine line;
    options.progress = ToldBy(&line);
    RONDA_ASSIGN_OR_RETURN(result, backup::Restore(options, clock));
  }
  const int64_t took_ms = clock.MonotonicMs() - start;
  if (context.settings.format != Format::kTable) {
    OneRow row;
    row.Add("data_dir", options.data_dir);
    row.Add("backup", args.backup);
    row.AddTime("taken", result.manifest.started_ms, context.zone);
    row.Add("files", static_cast<int64_t>(result.manifest.files.size()));
    row.Add("bytes", result.manifest.TotalBytes());
    row.Add("safety_copy", result.safety_copy);
    row.Add("took_ms", took_ms);
    RONDA_RETURN_IF_ERROR(Print(context, row.Take()));
    return kExitOk;
  }
  context.console.Out(fmt::format("{}: restored {} files, {}, as of {}, in {}\n", options.data_dir,
                                  result.manifest.files.size(), Bytes(result.manifest.TotalBytes()),
                                  FormatInstant(result.manifest.started_ms, context.zone),
                                  HumanDuration(took_ms)));
  if (!result.safety_copy.empty()) {
    context.console.Out(fmt::format("what was there is kept as {}\n", result.safety_copy));
  }
  return kExitOk;
}

}  // namespace ronda::cli
