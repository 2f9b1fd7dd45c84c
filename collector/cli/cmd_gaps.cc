#include <algorithm>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/units.h"
#include "collector/store/hole.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

Cell TimeCell(const Context& context, int64_t t_ms) {
  return t_ms == 0
             ? Cell::None()
             : Cell::Both(FormatInstant(t_ms, context.zone), FormatRfc3339(t_ms, context.zone));
}

std::vector<Cell> Row(const Context& context, const query::Gap& gap, int64_t now_ms) {
  const bool open = gap.to_ms == 0;
  const int64_t length_ms = std::max<int64_t>((open ? now_ms : gap.to_ms) - gap.from_ms, 0);
  Cell end = TimeCell(context, gap.to_ms);
  if (open) {
    end.text = "still open";
    end.colour = Colour::kBad;
  }
  return {Cell::Text(gap.node),
          TimeCell(context, gap.from_ms),
          std::move(end),
          Cell::Number(length_ms, HumanDuration(length_ms)),
          gap.group.empty() ? Cell::Both("all", "") : Cell::Text(gap.group),
          Cell::Text(gap.cause),
          Cell::Text(gap.detail)};
}

}  // namespace

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
  Report report({{"NODE", "node"},
                 {"FROM", "from"},
                 {"TO", "to"},
                 {"DURATION", "duration_ms", true},
                 {"GROUP", "group"},
                 {"CAUSE", "cause"},
                 {"DETAIL", "detail"}});
  for (const query::Gap& gap : gaps) {
    report.Add(Row(context, gap, time.now_ms));
  }
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
