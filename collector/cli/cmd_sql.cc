#include <cstdio>
#include <memory>
#include <string>

#include "collector/cli/commands.h"
#include "collector/cli/hints.h"
#include "collector/cli/sql_output.h"
#include "collector/cli/times.h"
#include "collector/sql/session.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr size_t kMaxTextBytes = 1 << 20;

absl::StatusOr<std::string> ReadStandardInput() {
  std::string text;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, n);
    if (text.size() > kMaxTextBytes) {
      return Fail(absl::StatusCode::kInvalidArgument, "statements of more than {} bytes",
                  kMaxTextBytes);
    }
  }
  return text;
}

absl::StatusOr<std::string> StatementOf(const SqlArgs& args) {
  if (args.statement.empty() == args.file.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "give one statement, \"-\" for standard input, or --file; `ronda sql --schema` "
                "lists the tables");
  }
  if (args.statement == "-") {
    return ReadStandardInput();
  }
  if (!args.file.empty()) {
    return ReadFile(args.file, kMaxTextBytes);
  }
  return args.statement;
}

}  // namespace

absl::StatusOr<int> RunSql(Context& context, const SqlArgs& args) {
  if (args.schema) {
    context.console.Out(sql::DescribeTables(context.api));
    return kExitOk;
  }
  if (context.settings.format == Format::kPlot || context.settings.format == Format::kPrometheus) {
    return Print(context, Report({}));  // says where these go
  }
  RONDA_ASSIGN_OR_RETURN(const std::string text, StatementOf(args));
  sql::Session::Options options;
  if (!args.timeout.empty()) {
    RONDA_ASSIGN_OR_RETURN(options.timeout_ms, ParseDuration(args.timeout));
  }
  RONDA_RETURN_IF_ERROR(NoteTime(context).status());
  const SystemClock clock;
  RONDA_ASSIGN_OR_RETURN(const std::unique_ptr<sql::Session> session,
                         sql::Session::Open(context.api, clock, options));
  const std::unique_ptr<sql::RowSink> sink = NewRowSink(context.settings.format, context.console);
  const absl::Status status = session->Run(text, *sink);
  if (absl::IsInvalidArgument(status)) {
    return ShowPlace(status, text);
  }
  RONDA_RETURN_IF_ERROR(status);
  return kExitOk;
}

}  // namespace ronda::cli
