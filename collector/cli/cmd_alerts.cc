#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/units.h"
#include "collector/promql/number_text.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

constexpr size_t kShortId = 8;

Cell TimeCell(const Context& context, int64_t t_ms) {
  return t_ms == 0
             ? Cell::None()
             : Cell::Both(FormatInstant(t_ms, context.zone), FormatRfc3339(t_ms, context.zone));
}

// A string in JSON too: NaN and infinities have no number there.
Cell ValueCell(double value) { return Cell::Both(HumanNumber(value), promql::FormatNumber(value)); }

std::string SummaryText(std::string_view summary, std::string_view reason) {
  if (reason.empty()) {
    return std::string(summary);
  }
  return summary.empty() ? fmt::format("({})", reason) : fmt::format("{} ({})", summary, reason);
}

// Why people are not told of it; of an id the first part will do for people.
Cell MutedCell(const query::ActiveAlert& alert) {
  std::string muted = alert.held;
  if (muted.empty() && !alert.silenced_by.empty()) {
    muted = "silenced by " + alert.silenced_by.front();
  }
  std::string shown = muted;
  if (!alert.silenced_by.empty()) {
    if (const size_t at = shown.find(alert.silenced_by.front()); at != std::string::npos) {
      shown.resize(at + kShortId);
    }
  }
  return muted.empty() ? Cell::None() : Cell::Both(shown, muted, Colour::kFaint);
}

absl::StatusOr<bool> PrintActive(Context& context, const AlertsArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(const std::vector<query::ActiveAlert> alerts, context.api.Alerts());
  Report report({{"STATE", "state"},
                 {"SEVERITY", "severity"},
                 {"ALERT", "alert"},
                 {"NODE", "node"},
                 {"SINCE", "since"},
                 {"FOR", "for_ms", true},
                 {"VALUE", "value", true},
                 {"MUTED", "muted"},
                 {"LABELS", "labels"},
                 {"SUMMARY", "summary"}});
  bool firing = false;
  for (const query::ActiveAlert& alert : alerts) {
    if (!IsWanted(args, alert.node, alert.rule, alert.severity, alert.state)) {
      continue;
    }
    firing = firing || alert.state == "firing";
    Labels own = alert.labels;
    for (std::string_view shown : {"alertname", "severity", "node"}) {
      own.Set(shown, "");
    }
    const int64_t length_ms = std::max<int64_t>(time.now_ms - alert.active_at_ms, 0);
    const std::string summary = SummaryText(alert.summary, alert.reason);
    report.Add(
        {Cell::Text(alert.state, ColourOf(alert.state)),
         Cell::Text(alert.severity, ColourOfSeverity(alert.severity)), Cell::Text(alert.rule),
         Cell::Text(alert.node), TimeCell(context, alert.active_at_ms),
         Cell::Number(length_ms, HumanDuration(length_ms)), ValueCell(alert.value),
         MutedCell(alert), Cell::Both(own.empty() ? "" : own.ToString(), alert.labels.ToString()),
         Cell::Text(summary)});
  }
  if (report.empty()) {
    context.console.Note(alerts.empty() ? "no alert is pending, firing or unknown"
                                        : "no alert passes the filters");
  }
  if (!report.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return firing;
}

absl::Status PrintLog(Context& context, const AlertsArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(const Window window, ParseWindow(args.window, time.now_ms, context.zone));
  Report report({{"TIME", "time"},
                 {"FROM", "from"},
                 {"TO", "to"},
                 {"SEVERITY", "severity"},
                 {"ALERT", "alert"},
                 {"NODE", "node"},
                 {"VALUE", "value", true},
                 {"REASON", "reason"},
                 {"SUMMARY", "summary"},
                 {"RULE", "rule_version"},
                 {"LABELS", "labels"}});
  auto add = [&](const query::AlertEvent& event) {
    if (IsWanted(args, event.node, event.rule, event.severity, event.to)) {
      report.Add({TimeCell(context, event.t_ms), Cell::Text(event.from),
                  Cell::Text(event.to, ColourOf(event.to)),
                  Cell::Text(event.severity, ColourOfSeverity(event.severity)),
                  Cell::Text(event.rule), Cell::Text(event.node), ValueCell(event.value),
                  Cell::Text(event.reason), Cell::Text(event.summary),
                  Cell::Text(event.rule_version), Cell::Text(event.labels)});
    }
    return true;
  };
  RONDA_RETURN_IF_ERROR(context.api.AlertLog(window.from_ms, window.to_ms, args.node, add));
  if (report.empty()) {
    context.console.Note(fmt::format("no alert changed its state between {} and {}",
                                     FormatInstant(window.from_ms, context.zone),
                                     FormatInstant(window.to_ms, context.zone)));
  }
  if (!report.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsWanted(const AlertsArgs& args, std::string_view node, std::string_view rule,
              std::string_view severity, std::string_view state) {
  const auto matches = [](const std::string& wanted, std::string_view value) {
    return wanted.empty() || wanted == value;
  };
  return matches(args.node, node) && matches(args.rule, rule) && matches(args.severity, severity) &&
         matches(args.state, state);
}

absl::StatusOr<int> RunAlerts(Context& context, const AlertsArgs& args) {
  if (!args.window.empty()) {
    if (args.exit_code) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "--exit-code asks for the present: it goes without a window");
    }
    RONDA_RETURN_IF_ERROR(args.by.empty() ? PrintLog(context, args)
                                          : PrintAlertSummary(context, args));
    return kExitOk;
  }
  if (!args.by.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "--by sums up a time: say which, such as --since 30d");
  }
  RONDA_ASSIGN_OR_RETURN(const bool firing, PrintActive(context, args));
  return args.exit_code && firing ? kExitNo : kExitOk;
}

}  // namespace ronda::cli
