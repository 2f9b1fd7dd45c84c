#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::StatusOr<int> RunMetrics(Context& context, const MetricsArgs& args) {
  RONDA_ASSIGN_OR_RETURN(const std::vector<query::MetricStatus> metrics,
                         context.api.Metrics(args.pattern, true));
  Report report({{"METRIC", "metric"},
                 {"TYPE", "type"},
                 {"UNIT", "unit"},
                 {"SERIES", "series", true},
                 {"HELP", "help"}});
  for (const query::MetricStatus& metric : metrics) {
    report.Add({Cell::Text(metric.info.name), Cell::Text(ToString(metric.info.type)),
                Cell::Text(metric.info.unit),
                Cell::Number(metric.series, fmt::format("{}", metric.series)),
                Cell::Text(metric.info.help)});
  }
  if (metrics.empty()) {
    context.console.Note(
        args.pattern.empty()
            ? "no metric is known yet"
            : fmt::format("no metric's name matches \"{}\"; see `ronda metrics`", args.pattern));
  }
  if (!metrics.empty() || context.settings.format != Format::kTable) {
    RONDA_RETURN_IF_ERROR(Print(context, report));
  }
  return kExitOk;
}

}  // namespace ronda::cli
