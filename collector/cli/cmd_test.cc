#include <string>

#include "collector/cli/commands.h"
#include "collector/promql/script/script_runner.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::StatusOr<int> RunTestPromql(Console& console, const TestPromqlArgs& args) {
  promql::ScriptReport report;
  for (const std::string& file : args.files) {
    absl::StatusOr<std::string> text = ReadFile(file);
    if (!text.ok()) {
      return Fail(absl::StatusCode::kInvalidArgument, "{}", Message(text.status()));
    }
    promql::RunScript(file, *text, &report);
  }
  for (const std::string& failure : report.failures) {
    console.Out(failure + "\n");
  }
  if (args.verbose) {
    for (const std::string& skip : report.skips) {
      console.Out(skip + "\n");
    }
  }
  console.Out(fmt::format("{} passed, {} failed, {} skipped\n", report.passed, report.failed,
                          report.skipped));
  return report.failed == 0 ? kExitOk : kExitNo;
}

}  // namespace ronda::cli
