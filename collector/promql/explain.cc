#include "collector/promql/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "collector/promql/eval/grid.h"
#include "collector/promql/eval/time_shift.h"
#include "collector/promql/functions.h"
#include "collector/promql/number_text.h"

namespace ronda::promql {
namespace {

std::string Seconds(int64_t ms) { return FormatPlainNumber(static_cast<double>(ms) / 1000); }

class Explainer {
 public:
  Explainer(int64_t start_ms, int64_t end_ms, const QueryOptions& options)
      : times_{start_ms, end_ms}, options_(options) {}

  // Walks as Evaluator does.
  void Visit(const Expr& expr, Grid grid, int level) {
    if (grid.size > 1 && expr.step_invariant && expr.kind != NodeKind::kParen &&
        expr.kind != NodeKind::kNumber && expr.type != ValueType::kMatrix) {
      grid = grid.First();
    }
    switch (expr.kind) {
      case NodeKind::kSelector:
        return Selector(static_cast<const VectorSelector&>(expr), grid, level);
      case NodeKind::kMatrix: {
        const auto& matrix = static_cast<const MatrixSelector&>(expr);
        return Read(*matrix.selector, WindowOf(expr, times_, grid.start_ms).begin_ms + 1,
                    WindowOf(expr, times_, grid.end_ms()).end_ms, level);
      }
      case NodeKind::kSubquery: {
        const auto& subquery = static_cast<const SubqueryExpr&>(expr);
        const Grid inner = SubqueryGrid(subquery, times_, grid, options_.default_step_ms);
        Say(level,
            fmt::format("subquery: {} steps of {}", inner.size, FormatDurationMs(inner.step_ms)));
        if (inner.size > 0) {
          Visit(*subquery.inner, inner, level + 1);
        }
        return;
      }
      case NodeKind::kParen:
        return Visit(*static_cast<const ParenExpr&>(expr).inner, grid, level);
      case NodeKind::kUnaryMinus:
      case NodeKind::kUnaryPlus:
        Say(level, expr.kind == NodeKind::kUnaryMinus ? "-" : "+");
        return Visit(*static_cast<const UnaryExpr&>(expr).operand, grid, level + 1);
      case NodeKind::kBinary:
        return Binary(static_cast<const BinaryExpr&>(expr), grid, level);
      case NodeKind::kAggregate:
        return Aggregate(static_cast<const AggregateExpr&>(expr), grid, level);
      case NodeKind::kCall:
        return Call(static_cast<const CallExpr&>(expr), grid, level);
      case NodeKind::kNumber:
      case NodeKind::kString:
        return Say(level, Format(expr));
    }
  }

  QueryPlan Take() { return std::move(plan_); }

 private:
  void Say(int level, std::string_view text) {
    plan_.text += fmt::format("{:{}}{}\n", "", level * 2, text);
  }

  void Read(const VectorSelector& selector, int64_t start_ms, int64_t end_ms, int level) {
    Say(level, fmt::format("read {} from {} to {}", FormatSelector(selector.matchers),
                           Seconds(start_ms), Seconds(end_ms)));
    plan_.reads.push_back({selector.matchers, start_ms, end_ms});
  }

  void Selector(const VectorSelector& selector, const Grid& grid, int level) {
    Read(selector, ShiftedTime(selector.shift, times_, grid.start_ms) - options_.lookback_ms + 1,
         ShiftedTime(selector.shift, times_, grid.end_ms()), level);
  }

  void Binary(const BinaryExpr& binary, const Grid& grid, int level) {
    const bool vectors =
        binary.left->type == ValueType::kVector && binary.right->type == ValueType::kVector;
    Say(level, fmt::format("{}: {}", ToString(binary.op),
                           vectors ? "collects both sides" : "series by series"));
    // A scalar is there before the first series is.
    const bool right_first = !vectors && binary.right->type == ValueType::kScalar &&
                             binary.left->type == ValueType::kVector;
    Visit(right_first ? *binary.right : *binary.left, grid, level + 1);
    Visit(right_first ? *binary.left : *binary.right, grid, level + 1);
  }

  void Aggregate(const AggregateExpr& aggregate, const Grid& grid, int level) {
    const bool folds = aggregate.op <= AggregateOp::kStdvar;
    std::string labels;
    for (const std::string& label : aggregate.grouping) {
      labels += labels.empty() ? label : ", " + label;
    }
    const std::string grouping = aggregate.without            ? fmt::format(" without ({})", labels)
                                 : aggregate.grouping.empty() ? ""
                                                              : fmt::format(" by ({})", labels);
    Say(level, fmt::format("{}{}: {}", ToString(aggregate.op), grouping,
                           folds ? "folds series while they are read" : "collects all series"));
    if (aggregate.param != nullptr) {
      Visit(*aggregate.param, grid, level + 1);
    }
    Visit(*aggregate.operand, grid, level + 1);
  }

  void Call(const CallExpr& call, const Grid& grid, int level) {
    const FunctionId id = call.function.id;
    std::string text(call.function.name);
    if (IsOverTime(id)) {
      for (const ExprPtr& arg : call.args) {
        if (arg->type == ValueType::kMatrix) {
          const auto window = WindowOf(WithoutParens(*arg), times_, grid.start_ms);
          text += ": window " + FormatDurationMs(window.end_ms - window.begin_ms);
        }
      }
    } else if (id == FunctionId::kHistogramQuantile || id == FunctionId::kHistogramFraction ||
               id == FunctionId::kLabelJoin || id == FunctionId::kLabelReplace ||
               id == FunctionId::kSort || id == FunctionId::kSortDesc ||
               id == FunctionId::kSortByLabel || id == FunctionId::kSortByLabelDesc) {
      text += ": collects all series";
    }
    Say(level, text);
    // Scalars first, as in Binary().
    for (const bool scalars : {true, false}) {
      for (const ExprPtr& arg : call.args) {
        if (arg->type != ValueType::kString && (arg->type == ValueType::kScalar) == scalars) {
          Visit(arg->type == ValueType::kMatrix ? WithoutParens(*arg) : *arg, grid, level + 1);
        }
      }
    }
  }

  const QueryTimes times_;
  const QueryOptions& options_;
  QueryPlan plan_;
};

}  // namespace

QueryPlan Explain(const Expr& expr, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                  const QueryOptions& options) {
  Explainer explainer(start_ms, end_ms, options);
  explainer.Visit(expr, Grid::Of(start_ms, end_ms, step_ms), 0);
  return explainer.Take();
}

}  // namespace ronda::promql
