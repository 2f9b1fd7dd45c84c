#include <algorithm>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/gap_report.h"
#include "collector/cli/units.h"
#include "collector/store/hole.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::StatusOr<int> RunGaps(Context& context, const GapsArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  WindowArgs window_args = args.window;
  if (window_args.empty()) {
    window_args.since = "24h";
  }
  RONDA_ASSIGN_OR_RETURN(const Window window, ParseWindow(window_args, time.now_ms, context.zone));
  RONDA_ASSIGN_OR_RETURN(std::vector<query::Gap> gaps,
                         context.api.Gaps(window.from_ms, window.to_ms, args.node));
  std::erase_if(
      gaps, [&](const query::Gap& gap) { return (gap.cause == store::kLateCause) != args.late; });
  const Report report = GapReport(context, gaps, time.now_ms);
  if (gaps.empty()) {
    context.console.Note(fmt::format("no gap between {} and {}",
                                     FormatInstant(window.from_ms, context.zone),
                                     FormatInstant(window.to_ms, context.zone)));
  }
  if (!gaps.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return kExitOk;
}

}  // namespace ronda::cli
