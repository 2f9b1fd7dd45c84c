#include "collector/promql/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collector/promql/eval/context.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/grid.h"
#include "collector/promql/functions.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

// Leaves room to add ranges, offsets and steps.
absl::Status CheckTime(int64_t t_ms) {
  constexpr int64_t kMaxTimeMs = 9'200'000'000'000'000;
  return t_ms >= -kMaxTimeMs && t_ms <= kMaxTimeMs
             ? absl::OkStatus()
             : absl::InvalidArgumentError("the time is out of range");
}

// What delayed name removal left to do.
absl::Status DropNames(std::vector<OwnedRow>* rows) {
  bool dropped = false;
  for (OwnedRow& row : *rows) {
    if (row.drop_name) {
      row.labels = WithoutMetadata(row.labels);
      row.drop_name = false;
      dropped = true;
    }
  }
  return dropped ? MergeSameLabels(rows) : absl::OkStatus();
}

Series SeriesOf(Labels labels, const std::vector<double>& values, const Grid& grid) {
  Series series;
  series.labels = std::move(labels);
  for (size_t i = 0; i < grid.size; ++i) {
    if (!IsAbsent(values[i])) {
      series.t_ms.push_back(grid.At(i));
      series.values.push_back(values[i]);
    }
  }
  return series;
}

void SortSeries(std::vector<Series>* series) {
  std::stable_sort(series->begin(), series->end(),
                   [](const Series& a, const Series& b) { return a.labels < b.labels; });
}

// True if the value has an order of its own, which must not be lost.
bool IsOrdered(const Expr& expr);

// The result of a scalar or an instant vector.
absl::Status EvaluateValues(Evaluator* evaluator, EvalContext* context, const Expr& expr,
                            const Grid& grid, std::vector<Series>* out) {
  if (expr.type == ValueType::kScalar) {
    RONDA_ASSIGN_OR_RETURN(const std::vector<double> values, evaluator->Scalar(expr, grid));
    out->push_back(SeriesOf(Labels(), values, grid));
    return absl::OkStatus();
  }
  RONDA_ASSIGN_OR_RETURN(Table table, evaluator->Collect(expr, grid));
  if (context->delayed_names()) {
    RONDA_RETURN_IF_ERROR(DropNames(&table.rows));
  }
  for (OwnedRow& row : table.rows) {
    out->push_back(SeriesOf(std::move(row.labels), row.values, grid));
    row.values = {};
  }
  return absl::OkStatus();
}

// The samples of a range vector at one time.
absl::Status EvaluateRange(Evaluator* evaluator, EvalContext* context, const Expr& expr,
                           const Grid& grid, std::vector<Series>* out, Charge* charge) {
  const Expr& range = WithoutParens(expr);
  const TimeWindow window = evaluator->WindowAt(range, grid.start_ms);
  const auto keep = [&](const RangeSeries& series) {
    const auto begin = std::upper_bound(series.t_ms.begin(), series.t_ms.end(), window.begin_ms) -
                       series.t_ms.begin();
    const auto end = std::upper_bound(series.t_ms.begin(), series.t_ms.end(), window.end_ms) -
                     series.t_ms.begin();
    if (begin == end) {
      return absl::OkStatus();
    }
    RONDA_RETURN_IF_ERROR(charge->Add(end - begin, (end - begin) * 16 + BytesOf(series.labels)));
    Series copy;
    copy.labels =
        series.nameless || series.drop_name ? WithoutMetadata(series.labels) : series.labels;
    copy.t_ms.assign(series.t_ms.begin() + begin, series.t_ms.begin() + end);
    copy.values.assign(series.values.begin() + begin, series.values.begin() + end);
    out->push_back(std::move(copy));
    return absl::OkStatus();
  };
  RONDA_RETURN_IF_ERROR(evaluator->Ranges(range, grid, keep));
  SortSeries(out);
  for (size_t i = 1; i < out->size(); ++i) {
    if ((*out)[i].labels == (*out)[i - 1].labels) {
      return absl::FailedPreconditionError("vector cannot contain metrics with the same labelset");
    }
  }
  static_cast<void>(context);
  return absl::OkStatus();
}

bool IsOrdered(const Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kParen:
      return IsOrdered(*static_cast<const ParenExpr&>(expr).inner);
    case NodeKind::kUnaryMinus:
    case NodeKind::kUnaryPlus:
      return IsOrdered(*static_cast<const UnaryExpr&>(expr).operand);
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      return IsOrdered(*binary.left) || IsOrdered(*binary.right);
    }
    case NodeKind::kAggregate: {
      const AggregateOp op = static_cast<const AggregateExpr&>(expr).op;
      return op == AggregateOp::kTopk || op == AggregateOp::kBottomk;
    }
    case NodeKind::kCall: {
      const auto& call = static_cast<const CallExpr&>(expr);
      switch (call.function.id) {
        case FunctionId::kSort:
        case FunctionId::kSortDesc:
        case FunctionId::kSortByLabel:
        case FunctionId::kSortByLabelDesc:
          return true;
        default:
          return std::any_of(call.args.begin(), call.args.end(), [](const ExprPtr& arg) {
            return arg->type == ValueType::kVector && IsOrdered(*arg);
          });
      }
    }
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<QueryResult> Engine::Instant(std::string_view expr, int64_t t_ms,
                                            const QueryOptions& options) const {
  RONDA_ASSIGN_OR_RETURN(const ExprPtr parsed, Parse(expr));
  return Instant(*parsed, t_ms, options);
}

absl::StatusOr<QueryResult> Engine::Instant(const Expr& expr, int64_t t_ms,
                                            const QueryOptions& options) const {
  RONDA_RETURN_IF_ERROR(CheckTime(t_ms));
  EvalContext context(store_, options, t_ms, t_ms);
  Evaluator evaluator(&context);
  Charge charge(&context);
  const Grid grid{t_ms, 1, 1};
  QueryResult result;
  result.type = expr.type;
  if (expr.type == ValueType::kString) {
    result.text = static_cast<const StringLiteral&>(WithoutParens(expr)).value;
  } else if (expr.type == ValueType::kMatrix) {
    RONDA_RETURN_IF_ERROR(EvaluateRange(&evaluator, &context, expr, grid, &result.series, &charge));
  } else {
    RONDA_RETURN_IF_ERROR(EvaluateValues(&evaluator, &context, expr, grid, &result.series));
    if (!IsOrdered(expr)) {
      SortSeries(&result.series);
    }
  }
  context.Finish(&result);
  return result;
}

absl::StatusOr<QueryResult> Engine::Range(std::string_view expr, int64_t start_ms, int64_t end_ms,
                                          int64_t step_ms, const QueryOptions& options) const {
  RONDA_ASSIGN_OR_RETURN(const ExprPtr parsed, Parse(expr));
  return Range(*parsed, start_ms, end_ms, step_ms, options);
}

absl::StatusOr<QueryResult> Engine::Range(const Expr& expr, int64_t start_ms, int64_t end_ms,
                                          int64_t step_ms, const QueryOptions& options) const {
  if (step_ms <= 0) {
    return absl::InvalidArgumentError("the step of a range query must be greater than 0");
  }
  if (end_ms < start_ms) {
    return absl::InvalidArgumentError("the end of a range query must not be before its start");
  }
  RONDA_RETURN_IF_ERROR(CheckTime(start_ms));
  RONDA_RETURN_IF_ERROR(CheckTime(end_ms));
  if (expr.type != ValueType::kScalar && expr.type != ValueType::kVector) {
    return ErrorAt(StartOf(expr),
                   fmt::format("invalid expression type \"{}\" for range query, must "
                               "be scalar or instant vector",
                               ToString(expr.type)));
  }
  EvalContext context(store_, options, start_ms, end_ms);
  Evaluator evaluator(&context);
  QueryResult result;
  result.type = ValueType::kMatrix;
  RONDA_RETURN_IF_ERROR(EvaluateValues(&evaluator, &context, expr,
                                       Grid::Of(start_ms, end_ms, step_ms), &result.series));
  SortSeries(&result.series);
  context.Finish(&result);
  return result;
}

}  // namespace ronda::promql
