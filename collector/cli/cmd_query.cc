#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "collector/cli/commands.h"
#include "collector/cli/expression.h"
#include "collector/cli/gap_report.h"
#include "collector/cli/hints.h"
#include "collector/cli/plot.h"
#include "collector/cli/report.h"
#include "collector/cli/series_output.h"
#include "collector/promql/number_text.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::cli {
namespace {

// What may have been meant, for an answer without series. Never fails: it is only help.
std::string Hint(Context& context, const std::vector<Matcher>& matchers) {
  const auto by_name = std::find_if(matchers.begin(), matchers.end(), [](const Matcher& m) {
    return m.name() == kMetricName && m.type() == Matcher::Type::kEqual;
  });
  const absl::StatusOr<std::vector<query::MetricStatus>> metrics = context.api.Metrics("", false);
  if (by_name == matchers.end() || !metrics.ok()) {
    return "see `ronda metrics`";
  }
  std::vector<std::string> names;
  for (const query::MetricStatus& metric : *metrics) {
    if (metric.info.name == by_name->value()) {
      return matchers.size() > 1 ? "the metric is known: look at its labels and at the window"
                                 : "the metric is known, but has no sample there: take a longer "
                                   "window with --since";
    }
    names.push_back(metric.info.name);
  }
  const std::string nearest = NearestName(by_name->value(), names);
  return nearest.empty() ? "see `ronda metrics`" : fmt::format("did you mean {}?", nearest);
}

void NoteEmpty(Context& context, const QueryArgs& args, const Window& window,
               const std::vector<Matcher>& matchers) {
  const std::string when =
      window.instant
          ? fmt::format("in the 5 minutes up to {}", FormatInstant(window.to_ms, context.zone))
          : fmt::format("between {} and {}", FormatInstant(window.from_ms, context.zone),
                        FormatInstant(window.to_ms, context.zone));
  context.console.Note(fmt::format("no series match {} {}; {}", Cell::Text(args.expr).text, when,
                                   Hint(context, matchers)));
}

void PrintSeries(Context& context, const std::vector<query::SeriesData>& series,
                 const Window& window, int64_t now_ms) {
  const auto out = [&](std::string_view text) { return context.console.Out(text); };
  switch (context.settings.format) {
    case Format::kCsv:
      WriteCsv(series, context.zone, out);
      break;
    case Format::kJson:
      WriteJson(series, window.instant, out);
      break;
    case Format::kPrometheus:  // refused before
    case Format::kTable:
      out(SeriesTable(series, window, now_ms, context.zone, context.console.terminal()));
      break;
    case Format::kPlot:
      if (series.size() > kMaxPlotSeries) {
        context.console.Note(
            fmt::format("{} series match, the first {} are drawn", series.size(), kMaxPlotSeries));
      }
      if (!series.empty()) {
        out(SeriesPlot(series, window, context.zone, context.console.terminal()));
      }
      break;
  }
}

absl::StatusOr<Window> WindowOf(const Context& context, const QueryArgs& args, int64_t now_ms) {
  WindowArgs window = args.window;
  if (context.settings.format == Format::kPlot) {
    if (!window.at.empty()) {
      return Fail(absl::StatusCode::kInvalidArgument,
                  "-o plot draws a window: --since or --from, not --at");
    }
    if (window.empty()) {
      window.since = kPlotSince;
    }
  }
  return ParseWindow(window, now_ms, context.zone);
}

bool HasSamples(const query::SeriesData& series) {
  return !std::all_of(series.values.begin(), series.values.end(), IsStale);
}

// The nodes that an answer shows, and those that were asked for by name.
std::set<std::string> NodesIn(const std::vector<query::SeriesData>& series,
                              const std::vector<const promql::VectorSelector*>& selectors) {
  std::set<std::string> nodes;
  for (const query::SeriesData& one : series) {
    nodes.insert(std::string(one.labels.Get("node")));
  }
  for (const promql::VectorSelector* const selector : selectors) {
    for (const Matcher& matcher : selector->matchers) {
      if (matcher.name() == "node" && matcher.type() == Matcher::Type::kEqual) {
        nodes.insert(matcher.value());
      }
    }
  }
  nodes.erase("");
  return nodes;
}

void NoteGapsOf(Context& context, const std::vector<query::SeriesData>& series,
                const promql::Expr& expr, const Window& window, int64_t now_ms) {
  NoteGaps(context, NodesIn(series, SelectorsIn(expr)),
           window.instant ? window.to_ms - query::kLookbackMs : window.from_ms, window.to_ms,
           now_ms);
}

// Samples as they are: what people want of a metric without more.
absl::StatusOr<int> RunSelector(Context& context, const QueryArgs& args, const promql::Expr& expr,
                                const std::vector<Matcher>& matchers, int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(const Window window, WindowOf(context, args, now_ms));
  query::SelectSpec spec{matchers, window.from_ms, window.to_ms, window.step_ms, window.instant};
  std::vector<query::SeriesData> series;
  RONDA_RETURN_IF_ERROR(context.api.Select(spec, [&](query::SeriesData one) {
    // A series may have ended before the window and left nothing but its marker in it.
    if (HasSamples(one)) {
      series.push_back(std::move(one));
    }
    return true;
  }));
  if (series.empty()) {
    NoteEmpty(context, args, window, matchers);
  } else {
    NoteThinned(context, series.front().thinned_to_ms, series.front().thinned_ms);
  }
  NoteGapsOf(context, series, expr, window, now_ms);
  PrintSeries(context, series, window, now_ms);
  return kExitOk;
}

// A scalar or a string, as Prometheus' API has it.
void PrintSingle(Context& context, const query::EvalResult& result, int64_t t_ms) {
  const std::string value =
      result.type == "string"
          ? result.text
          : promql::FormatNumber(result.series.empty() ? std::nan("")
                                                       : result.series[0].values.back());
  if (context.settings.format == Format::kJson) {
    context.console.Out(fmt::format("{{\"resultType\":\"{}\",\"result\":[{},{}]}}\n", result.type,
                                    FormatUnixSeconds(t_ms), JsonString(value)));
  } else if (context.settings.format == Format::kCsv) {
    context.console.Out(
        fmt::format("time,value\n{},{}\n", FormatRfc3339(t_ms, context.zone), CsvField(value)));
  } else {
    context.console.Out(Cell::Text(value).text + "\n");
  }
}

absl::StatusOr<int> RunExpression(Context& context, const QueryArgs& args, const promql::Expr& expr,
                                  int64_t now_ms) {
  RONDA_ASSIGN_OR_RETURN(const EvalPlan plan, PlanOf(context, args, now_ms));
  RONDA_ASSIGN_OR_RETURN(query::EvalResult result, Evaluate(context, plan.spec));
  for (const auto* const notes : {&result.warnings, &result.infos}) {
    for (const std::string& note : *notes) {
      context.console.Note(note);
    }
  }
  NoteThinned(context, result.thinned_to_ms, result.thinned_ms);
  NoteGapsOf(context, result.series, expr, plan.window, now_ms);
  if (result.type == "scalar" || result.type == "string") {
    PrintSingle(context, result, plan.window.to_ms);
    return kExitOk;
  }
  if (result.series.empty()) {
    context.console.Note("the answer is empty: nothing matches, or no value passes");
  }
  const absl::StatusOr<std::vector<query::MetricStatus>> metrics = context.api.Metrics("", false);
  if (metrics.ok()) {
    const MetricInfo unit = UnitOf(expr, *metrics);
    for (query::SeriesData& series : result.series) {
      series.metric = unit;
      series.metric.name = series.labels.Get(kMetricName);
    }
  }
  Window window = plan.window;
  if (window.instant && result.type == "matrix" && !result.series.empty()) {
    window.instant = false;  // x[5m] has its samples' own times
    window.from_ms = result.series.front().t_ms.front();
    for (const query::SeriesData& series : result.series) {
      window.from_ms = std::min(window.from_ms, series.t_ms.front());
    }
  }
  PrintSeries(context, result.series, window, now_ms);
  return kExitOk;
}

}  // namespace

absl::StatusOr<int> RunQuery(Context& context, const QueryArgs& args) {
  if (context.settings.format == Format::kPrometheus) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "-o prometheus writes raw samples: take `ronda export`");
  }
  RONDA_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseExpression(args.expr));
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  const std::vector<Matcher>* const matchers = BareSelector(*expr);
  return matchers != nullptr ? RunSelector(context, args, *expr, *matchers, time.now_ms)
                             : RunExpression(context, args, *expr, time.now_ms);
}

}  // namespace ronda::cli
