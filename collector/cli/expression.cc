#include "collector/cli/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "collector/cli/hints.h"
#include "collector/promql/functions.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

using promql::AggregateExpr;
using promql::AggregateOp;
using promql::BinaryExpr;
using promql::BinaryOp;
using promql::CallExpr;
using promql::Expr;
using promql::NodeKind;

// The parts of an expression whose values go into its own.
std::vector<const Expr*> PartsOf(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kMatrix:
      return {static_cast<const promql::MatrixSelector&>(expr).selector.get()};
    case NodeKind::kSubquery:
      return {static_cast<const promql::SubqueryExpr&>(expr).inner.get()};
    case NodeKind::kParen:
      return {static_cast<const promql::ParenExpr&>(expr).inner.get()};
    case NodeKind::kUnaryMinus:
    case NodeKind::kUnaryPlus:
      return {static_cast<const promql::UnaryExpr&>(expr).operand.get()};
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      return {binary.left.get(), binary.right.get()};
    }
    case NodeKind::kAggregate: {
      const auto& aggregate = static_cast<const AggregateExpr&>(expr);
      std::vector<const Expr*> parts;
      if (aggregate.param != nullptr) {
        parts.push_back(aggregate.param.get());
      }
      parts.push_back(aggregate.operand.get());
      return parts;
    }
    case NodeKind::kCall: {
      std::vector<const Expr*> parts;
      for (const promql::ExprPtr& arg : static_cast<const CallExpr&>(expr).args) {
        parts.push_back(arg.get());
      }
      return parts;
    }
    case NodeKind::kNumber:
    case NodeKind::kString:
    case NodeKind::kSelector:
      break;
  }
  return {};
}

std::string UnitOfCall(const CallExpr& call, const std::string& unit) {
  static const auto* const kKeep = new std::set<std::string, std::less<>>{"abs",
                                                                          "avg_over_time",
                                                                          "ceil",
                                                                          "clamp",
                                                                          "clamp_max",
                                                                          "clamp_min",
                                                                          "delta",
                                                                          "floor",
                                                                          "idelta",
                                                                          "increase",
                                                                          "label_join",
                                                                          "label_replace",
                                                                          "last_over_time",
                                                                          "max_over_time",
                                                                          "min_over_time",
                                                                          "predict_linear",
                                                                          "quantile_over_time",
                                                                          "round",
                                                                          "sort",
                                                                          "sort_desc",
                                                                          "stddev_over_time",
                                                                          "sum_over_time",
                                                                          "first_over_time"};
  static const auto* const kPerSecond =
      new std::set<std::string, std::less<>>{"rate", "irate", "deriv"};
  const std::string name(call.function.name);
  if (kKeep->contains(name)) {
    return unit;
  }
  return kPerSecond->contains(name) && unit == "bytes" ? "bytes/s" : "";
}

std::string UnitName(const Expr& expr, const std::vector<query::MetricStatus>& metrics) {
  if (expr.kind == NodeKind::kSelector) {
    for (const Matcher& matcher : static_cast<const promql::VectorSelector&>(expr).matchers) {
      for (const query::MetricStatus& metric : metrics) {
        if (matcher.name() == kMetricName && matcher.type() == Matcher::Type::kEqual &&
            metric.info.name == matcher.value()) {
          return metric.info.unit;
        }
      }
    }
    return "";
  }
  const std::vector<const Expr*> parts = PartsOf(expr);
  if (expr.kind == NodeKind::kCall) {
    const auto vector = std::find_if(parts.begin(), parts.end(), [](const Expr* part) {
      return part->type == promql::ValueType::kVector || part->type == promql::ValueType::kMatrix;
    });
    return vector == parts.end()
               ? ""
               : UnitOfCall(static_cast<const CallExpr&>(expr), UnitName(**vector, metrics));
  }
  if (expr.kind == NodeKind::kAggregate) {
    const AggregateOp op = static_cast<const AggregateExpr&>(expr).op;
    const bool counts = op == AggregateOp::kCount || op == AggregateOp::kGroup ||
                        op == AggregateOp::kStdvar || op == AggregateOp::kCountValues;
    return counts ? "" : UnitName(*parts.back(), metrics);
  }
  if (expr.kind == NodeKind::kBinary) {
    const auto& binary = static_cast<const BinaryExpr&>(expr);
    const std::string left = UnitName(*parts[0], metrics);
    const bool keeps_left = (promql::IsComparison(binary.op) && !binary.return_bool) ||
                            promql::IsSetOperator(binary.op) ||
                            ((binary.op == BinaryOp::kAdd || binary.op == BinaryOp::kSub) &&
                             left == UnitName(*parts[1], metrics));
    return keeps_left ? left : "";
  }
  return parts.size() == 1 ? UnitName(*parts[0], metrics) : "";
}

}  // namespace

absl::StatusOr<promql::ExprPtr> ParseExpression(std::string_view text) {
  absl::StatusOr<promql::ExprPtr> expr = promql::Parse(text);
  if (!expr.ok()) {
    return Annotate(ShowPlace(expr.status(), text), "expression");
  }
  return expr;
}

const std::vector<Matcher>* BareSelector(const Expr& expr) {
  const Expr& inner = promql::WithoutParens(expr);
  if (inner.kind != NodeKind::kSelector) {
    return nullptr;
  }
  const auto& selector = static_cast<const promql::VectorSelector&>(inner);
  return selector.shift.offset_ms == 0 && !selector.shift.at ? &selector.matchers : nullptr;
}

std::vector<const promql::VectorSelector*> SelectorsIn(const Expr& expr) {
  if (expr.kind == NodeKind::kSelector) {
    return {static_cast<const promql::VectorSelector*>(&expr)};
  }
  std::vector<const promql::VectorSelector*> all;
  for (const Expr* const part : PartsOf(expr)) {
    const auto some = SelectorsIn(*part);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

MetricInfo UnitOf(const Expr& expr, const std::vector<query::MetricStatus>& metrics) {
  MetricInfo info;
  info.unit = UnitName(expr, metrics);
  return info;
}

int64_t NiceStep(int64_t window_ms, int64_t points) {
  constexpr int64_t kSteps[] = {1,   2,   5,     10,    15,    30,     60,     120,    300,
                                600, 900, 1'800, 3'600, 7'200, 10'800, 21'600, 43'200, 86'400};
  for (const int64_t step : kSteps) {
    if (window_ms / (step * 1000) <= points) {
      return step * 1000;
    }
  }
  constexpr int64_t kDayMs = 86'400'000;
  return (window_ms / points / kDayMs + 1) * kDayMs;
}

absl::StatusOr<EvalPlan> PlanOf(const Context& context, const QueryArgs& args, int64_t now_ms) {
  WindowArgs given = args.window;
  const bool is_plot = context.settings.format == Format::kPlot;
  if (is_plot && !given.at.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "-o plot draws a window: --since or --from, not --at");
  }
  if (is_plot && given.empty()) {
    given.since = kPlotSince;
  }
  EvalPlan plan;
  RONDA_ASSIGN_OR_RETURN(plan.window, ParseWindow(given, now_ms, context.zone));
  Window& window = plan.window;
  if (!window.instant && window.step_ms == 0) {
    const int64_t points = is_plot ? std::max(2 * context.console.terminal().width, 100)
                           : context.settings.format == Format::kTable ? 60
                                                                       : 250;
    window.step_ms = NiceStep(window.to_ms - window.from_ms, points);
    // On whole steps, so that the same window gives the same points the next time.
    window.from_ms = (window.from_ms + window.step_ms - 1) / window.step_ms * window.step_ms;
    window.to_ms = std::max(window.to_ms / window.step_ms * window.step_ms, window.from_ms);
  }
  plan.spec = {args.expr, window.instant ? window.to_ms : window.from_ms, window.to_ms,
               window.instant ? 0 : window.step_ms};
  return plan;
}

absl::StatusOr<query::EvalResult> Evaluate(Context& context, const query::EvalSpec& spec) {
  absl::StatusOr<query::EvalResult> result = context.api.Evaluate(spec, nullptr);
  if (absl::IsInvalidArgument(result.status())) {
    return Annotate(ShowPlace(result.status(), spec.expr), "expression");
  }
  if (absl::IsFailedPrecondition(result.status()) || absl::IsCancelled(result.status())) {
    return Fail(absl::StatusCode::kInvalidArgument, "expression: {}", Message(result.status()));
  }
  return result;
}

void NoteThinned(Context& context, int64_t thinned_to_ms, int64_t thinned_ms) {
  if (thinned_ms > 0) {
    context.console.Note(fmt::format(
        "up to {} the samples are gone (retention.raw): there it is the last one of each "
        "{}",
        FormatSecond(thinned_to_ms, context.zone), thinned_ms >= 3'600'000 ? "hour" : "minute"));
  }
}

}  // namespace ronda::cli
