// What the commands on PromQL expressions have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/cli/command_line.h"
#include "collector/cli/commands.h"
#include "collector/promql/ast.h"

namespace ronda::cli {

// kInvalidArgument with the line and a caret under the place.
absl::StatusOr<promql::ExprPtr> ParseExpression(std::string_view text);

// The matchers, if the expression is one instant selector without offset and @; else null.
const std::vector<Matcher>* BareSelector(const promql::Expr& expr);
// The selectors in it, from left to right.
std::vector<const promql::VectorSelector*> SelectorsIn(const promql::Expr& expr);

// In what an expression's values are counted, as far as it can be told: that of its metrics where
// the operations keep it; "bytes/s" of a rate of bytes. Without a name.
MetricInfo UnitOf(const promql::Expr& expr, const std::vector<query::MetricStatus>& metrics);

// The step of a window that gives about `points` points: 1, 2, 5, 10, 15, 30 s, minutes, hours or
// days.
int64_t NiceStep(int64_t window_ms, int64_t points);

// What to ask. kInvalidArgument: bad times.
struct EvalPlan {
  Window window;  // step_ms is never 0, but of an instant
  query::EvalSpec spec;
};
absl::StatusOr<EvalPlan> PlanOf(const Context& context, const QueryArgs& args, int64_t now_ms);

// Asks; errors of the expression have a caret, and none says that nothing could be reached.
absl::StatusOr<query::EvalResult> Evaluate(Context& context, const query::EvalSpec& spec);

// "up to 2026-10-01 00:00:00 the samples are gone: ..." on standard error, if so.
void NoteThinned(Context& context, int64_t thinned_to_ms, int64_t thinned_ms);

// For -o plot without a window.
inline constexpr std::string_view kPlotSince = "15m";

}  // namespace ronda::cli
