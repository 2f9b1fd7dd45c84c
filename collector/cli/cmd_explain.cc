#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "collector/cli/commands.h"
#include "collector/cli/expression.h"
#include "collector/cli/units.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

// A selector, and how many series it has in the time that the query reads of it.
struct Reading {
  std::string selector;
  int64_t series = 0;
};

absl::StatusOr<std::vector<Reading>> ReadingsOf(Context& context, const promql::Expr& expr,
                                                const query::EvalSpec& spec) {
  std::vector<Reading> readings;
  for (const promql::VectorSelector* const selector : SelectorsIn(expr)) {
    const int64_t from_ms = (spec.step_ms > 0 ? spec.start_ms : spec.end_ms) - query::kLookbackMs -
                            selector->shift.offset_ms;
    Reading reading{promql::FormatSelector(selector->matchers), -1};
    const absl::StatusOr<std::vector<Labels>> series =
        context.api.Series(selector->matchers, from_ms, spec.end_ms - selector->shift.offset_ms);
    if (series.ok()) {
      reading.series = static_cast<int64_t>(series->size());
    }
    readings.push_back(std::move(reading));
  }
  return readings;
}

// The coarsest kind of roll-ups that was used.
std::string_view RollUps(const query::EvalResult& result) {
  if (result.hours_read > 0 || result.thinned_ms >= 3'600'000) {
    return "hour";
  }
  return result.minutes_read > 0 || result.thinned_ms > 0 ? "minute" : "none";
}

std::string TellRollUps(const query::EvalResult& result, const absl::TimeZone& zone) {
  std::string text;
  for (const auto& [count, unit] :
       {std::pair(result.minutes_read, "minute"), std::pair(result.hours_read, "hour")}) {
    if (count > 0) {
      text += fmt::format("{}{} of a{} {}", text.empty() ? "" : ", ", HumanCount(count),
                          *unit == 'h' ? "n" : "", unit);
    }
  }
  if (result.thinned_ms > 0) {
    text += fmt::format("{}the last sample of each {} up to {}, where samples are gone",
                        text.empty() ? "" : ", ", result.thinned_ms < 3'600'000 ? "minute" : "hour",
                        FormatSecond(result.thinned_to_ms, zone));
  }
  return text.empty() ? "none used" : text;
}

void PrintJson(Context& context, const promql::Expr& expr, const std::vector<Reading>& readings,
               const query::EvalResult& result, int64_t points, int64_t all_us) {
  std::string text = fmt::format("{{\"expr\":{},\"selectors\":[", JsonString(promql::Format(expr)));
  for (size_t i = 0; i < readings.size(); ++i) {
    text += fmt::format("{}{{\"selector\":{},\"series\":{}}}", i > 0 ? "," : "",
                        JsonString(readings[i].selector), readings[i].series);
  }
  text += fmt::format(
      "],\"result_type\":\"{}\",\"result_series\":{},\"result_points\":{},\"series_read\":{},"
      "\"samples_read\":{},\"reads\":{},\"peak_bytes\":{},\"rollups\":\"{}\","
      "\"minutes_read\":{},\"hours_read\":{},\"evaluation_us\":{},\"total_us\":{}}}\n",
      result.type, result.series.size(), points, result.series_read, result.samples_read,
      result.selects, result.peak_bytes, RollUps(result), result.minutes_read, result.hours_read,
      result.elapsed_us, all_us);
  context.console.Out(text);
}

}  // namespace

absl::StatusOr<int> RunExplain(Context& context, const ExplainArgs& args) {
  if (context.settings.format != Format::kTable && context.settings.format != Format::kJson) {
    return Fail(absl::StatusCode::kInvalidArgument, "explain writes -o table or json");
  }
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseExpression(args.expr));
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  RONDA_ASSIGN_OR_RETURN(const EvalPlan plan, PlanOf(context, args, time.now_ms));
  const auto start = std::chrono::steady_clock::now();
  RONDA_ASSIGN_OR_RETURN(const query::EvalResult result, Evaluate(context, plan.spec));
  const int64_t all_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::steady_clock::now() - start)
                             .count();
  RONDA_ASSIGN_OR_RETURN(const std::vector<Reading> readings,
                         ReadingsOf(context, *expr, plan.spec));
  int64_t points = 0;
  for (const query::SeriesData& series : result.series) {
    points += static_cast<int64_t>(series.t_ms.size());
  }
  if (context.settings.format == Format::kJson) {
    PrintJson(context, *expr, readings, result, points, all_us);
    return kExitOk;
  }
  const auto out = [&](const std::string& text) { context.console.Out(text); };
  out(promql::FormatPretty(*expr) + "\n\n");
  if (plan.window.instant) {
    out(fmt::format("evaluated  at {}\n", FormatInstant(plan.window.to_ms, context.zone)));
  } else {
    out(fmt::format(
        "evaluated  from {} to {} each {}\n", FormatInstant(plan.window.from_ms, context.zone),
        FormatInstant(plan.window.to_ms, context.zone), HumanDuration(plan.window.step_ms)));
  }
  for (const Reading& reading : readings) {
    out(fmt::format("reads      {}: {}\n", Cell::Text(reading.selector).text,
                    reading.series < 0 ? "every series" : HumanCount(reading.series) + " series"));
  }
  out(fmt::format("read       {} series, {} samples, in {} reads\n", HumanCount(result.series_read),
                  HumanCount(result.samples_read), HumanCount(result.selects)));
  out(fmt::format("roll-ups   {}\n", TellRollUps(result, context.zone)));
  out(fmt::format("answer     {}: {} series, {} points\n", result.type,
                  HumanCount(static_cast<int64_t>(result.series.size())), HumanCount(points)));
  out(fmt::format("memory     {} at most\n", HumanBytes(static_cast<double>(result.peak_bytes))));
  out(fmt::format("time       {}, of it evaluation {}\n",
                  HumanSeconds(static_cast<double>(all_us) / 1e6),
                  HumanSeconds(static_cast<double>(result.elapsed_us) / 1e6)));
  for (const auto* const notes : {&result.warnings, &result.infos}) {
    for (const std::string& note : *notes) {
      out(fmt::format("note       {}\n", note));
    }
  }
  return kExitOk;
}

}  // namespace ronda::cli
