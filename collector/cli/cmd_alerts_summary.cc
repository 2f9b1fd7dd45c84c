// `ronda alerts --since 30d --by rule`: how often, how long, and how soon they were dealt with.
#include <algorithm>
#include <map>
#include <utility>

#include "collector/cli/alert_history.h"
#include "collector/cli/commands.h"
#include "collector/cli/units.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

std::string KeyOf(const FiringSpan& span, const std::string& by) {
  const std::string& key = by == "node" ? span.node : by == "rule" ? span.rule : span.severity;
  return key.empty() ? "-" : key;
}

Cell LengthCell(int64_t ms) { return Cell::Number(ms, HumanDuration(ms)); }

Cell MeanCell(int64_t sum_ms, int64_t count) {
  return count == 0 ? Cell::None() : LengthCell(sum_ms / count);
}

Cell CountCell(int64_t count) { return Cell::Number(count, std::to_string(count)); }

// The column of acknowledgements is there if anything was acknowledged.
Report TableOf(std::vector<std::pair<std::string, FiringSummary>> rows, const std::string& by) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.second.fired, a.first) < std::pair(-b.second.fired, b.first);
  });
  const bool acknowledged = std::any_of(
      rows.begin(), rows.end(), [](const auto& row) { return row.second.acknowledged > 0; });
  std::vector<Column> columns = {{by == "node"   ? "NODE"
                                  : by == "rule" ? "RULE"
                                                 : "SEVERITY",
                                  by},
                                 {"FIRED", "fired", true},
                                 {"STILL", "firing_still", true},
                                 {"FOR ALL", "firing_ms", true},
                                 {"LONGEST", "longest_ms", true},
                                 {"TO RESOLVE", "mean_to_resolve_ms", true}};
  if (acknowledged) {
    columns.push_back({"TO ACKNOWLEDGE", "mean_to_acknowledge_ms", true});
  }
  Report report(std::move(columns));
  for (const auto& [key, summary] : rows) {
    std::vector<Cell> cells = {Cell::Text(key),
                               CountCell(summary.fired),
                               CountCell(summary.still),
                               LengthCell(summary.firing_ms),
                               LengthCell(summary.longest_ms),
                               MeanCell(summary.resolve_ms, summary.resolved)};
    if (acknowledged) {
      cells.push_back(MeanCell(summary.acknowledge_ms, summary.acknowledged));
    }
    report.Add(std::move(cells));
  }
  return report;
}

}  // namespace

absl::Status PrintAlertSummary(Context& context, const AlertsArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(const Window window, ParseWindow(args.window, time.now_ms, context.zone));
  AlertHistory history;
  RONDA_RETURN_IF_ERROR(context.api.AlertLog(
      window.from_ms, window.to_ms, args.node, [&](const query::AlertEvent& event) {
        if (IsWanted(args, event.node, event.rule, event.severity, "")) {
          history.Add(event);
        }
        return true;
      }));
  std::map<std::string, FiringSummary> by;
  for (const FiringSpan& span : history.Take()) {
    by[KeyOf(span, args.by)].Add(span, std::min(window.to_ms, time.now_ms));
  }
  if (by.empty()) {
    context.console.Note(fmt::format("no alert fired between {} and {}",
                                     FormatInstant(window.from_ms, context.zone),
                                     FormatInstant(window.to_ms, context.zone)));
  }
  if (!by.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, TableOf({by.begin(), by.end()}, args.by)));
  }
  return absl::OkStatus();
}

}  // namespace ronda::cli
