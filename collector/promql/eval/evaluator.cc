#include "collector/promql/eval/evaluator.h"

#include <algorithm>
#include <utility>

#include "collector/promql/functions.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

bool NamesOneMetric(const VectorSelector& selector) {
  return std::any_of(selector.matchers.begin(), selector.matchers.end(), [](const Matcher& m) {
    return m.type() == Matcher::Type::kEqual && m.name() == kMetricName && !m.value().empty();
  });
}

bool DropsName(FunctionId id) {
  return IsMath(id) || IsDate(id) ||
         (IsOverTime(id) && id != FunctionId::kLastOverTime && id != FunctionId::kFirstOverTime) ||
         id == FunctionId::kClamp || id == FunctionId::kClampMin || id == FunctionId::kClampMax ||
         id == FunctionId::kRound || id == FunctionId::kTimestamp;
}

}  // namespace

absl::Status Evaluator::CheckSize(const Grid& grid) const {
  const auto steps = static_cast<int64_t>(grid.size);
  return context_.CheckRoom(steps, steps * 8);
}

absl::StatusOr<std::vector<double>> Evaluator::Scalar(const Expr& expr, const Grid& grid) {
  RONDA_RETURN_IF_ERROR(CheckSize(grid));
  if (grid.size > 1 && expr.step_invariant) {
    RONDA_ASSIGN_OR_RETURN(const std::vector<double> one, Scalar(expr, grid.First()));
    return std::vector<double>(grid.size, one[0]);
  }
  switch (expr.kind) {
    case NodeKind::kNumber:
      return std::vector<double>(grid.size, static_cast<const NumberLiteral&>(expr).value);
    case NodeKind::kParen:
      return Scalar(*static_cast<const ParenExpr&>(expr).inner, grid);
    case NodeKind::kUnaryPlus:
    case NodeKind::kUnaryMinus: {
      const auto& unary = static_cast<const UnaryExpr&>(expr);
      RONDA_ASSIGN_OR_RETURN(std::vector<double> values, Scalar(*unary.operand, grid));
      if (expr.kind == NodeKind::kUnaryMinus) {
        for (double& value : values) value = -value;
      }
      return values;
    }
    case NodeKind::kBinary:
      return BinaryScalar(static_cast<const BinaryExpr&>(expr), grid);
    case NodeKind::kCall:
      return ScalarOf(static_cast<const CallExpr&>(expr), grid);
    default:
      return absl::InternalError("not a scalar");
  }
}

bool Evaluator::MayRepeat(const Expr& expr) const {
  if (context_.delayed_names()) {
    return false;
  }
  bool dropped = false;
  for (const Expr* at = &expr;;) {
    switch (at->kind) {
      case NodeKind::kSelector:
        return dropped && !NamesOneMetric(static_cast<const VectorSelector&>(*at));
      case NodeKind::kMatrix:
        at = static_cast<const MatrixSelector*>(at)->selector.get();
        break;
      case NodeKind::kSubquery:
        at = static_cast<const SubqueryExpr*>(at)->inner.get();
        break;
      case NodeKind::kParen:
        at = static_cast<const ParenExpr*>(at)->inner.get();
        break;
      case NodeKind::kUnaryMinus:
      case NodeKind::kUnaryPlus:
        dropped = dropped || at->kind == NodeKind::kUnaryMinus;
        at = static_cast<const UnaryExpr*>(at)->operand.get();
        break;
      case NodeKind::kBinary: {
        const auto& binary = static_cast<const BinaryExpr&>(*at);
        const bool left_scalar = binary.left->type == ValueType::kScalar;
        if (!left_scalar && binary.right->type != ValueType::kScalar) {
          return dropped;
        }
        dropped = dropped || !IsComparison(binary.op) || binary.return_bool;
        at = left_scalar ? binary.right.get() : binary.left.get();
        break;
      }
      case NodeKind::kCall: {
        const auto& call = static_cast<const CallExpr&>(*at);
        const auto arg = std::find_if(call.args.begin(), call.args.end(), [](const ExprPtr& a) {
          return a->type == ValueType::kVector || a->type == ValueType::kMatrix;
        });
        if (!DropsName(call.function.id) || arg == call.args.end()) {
          return dropped;
        }
        dropped = true;
        at = arg->get();
        break;
      }
      default:
        return dropped;
    }
  }
}

absl::Status Evaluator::Rows(const Expr& expr, const Grid& grid, RowSink sink) {
  RONDA_RETURN_IF_ERROR(CheckSize(grid));
  RONDA_RETURN_IF_ERROR(context_.Check());
  if (grid.size == 0) {
    return absl::OkStatus();
  }
  if (grid.size == 1 || !expr.step_invariant) {
    return RowsAtSteps(expr, grid, sink);
  }
  std::vector<double> values(grid.size);
  return RowsAtSteps(expr, grid.First(), [&](const Row& row) {
    std::fill(values.begin(), values.end(), row.values[0]);
    return sink({row.labels, row.nameless, row.drop_name, values});
  });
}

absl::Status Evaluator::UniqueRows(const Expr& expr, const Grid& grid, RowSink sink) {
  return MayRepeat(expr) ? TableRows(Collect(expr, grid), sink) : Rows(expr, grid, sink);
}

absl::Status Evaluator::RowsAtSteps(const Expr& expr, const Grid& grid, RowSink sink) {
  switch (expr.kind) {
    case NodeKind::kSelector:
      return SelectorRows(static_cast<const VectorSelector&>(expr), grid, false, sink);
    case NodeKind::kParen:
      return Rows(*static_cast<const ParenExpr&>(expr).inner, grid, sink);
    case NodeKind::kUnaryPlus:
    case NodeKind::kUnaryMinus:
      return UnaryRows(static_cast<const UnaryExpr&>(expr), grid, sink);
    case NodeKind::kBinary:
      return BinaryRows(static_cast<const BinaryExpr&>(expr), grid, sink);
    case NodeKind::kAggregate:
      return TableRows(Aggregate(static_cast<const AggregateExpr&>(expr), grid), sink);
    case NodeKind::kCall:
      return CallRows(static_cast<const CallExpr&>(expr), grid, sink);
    default:
      return absl::InternalError("not an instant vector");
  }
}

absl::Status Evaluator::TableRows(absl::StatusOr<Table> table, RowSink sink) {
  RONDA_RETURN_IF_ERROR(table.status());
  for (OwnedRow& row : table->rows) {
    RONDA_RETURN_IF_ERROR(sink({row.labels, false, row.drop_name, row.values}));
  }
  return absl::OkStatus();
}

absl::Status Evaluator::UnaryRows(const UnaryExpr& unary, const Grid& grid, RowSink sink) {
  if (unary.kind == NodeKind::kUnaryPlus) {
    return Rows(*unary.operand, grid, sink);
  }
  const bool delayed = context_.delayed_names();
  return UniqueRows(*unary.operand, grid, [&](const Row& row) {
    for (double& value : row.values) {
      value = IsAbsent(value) ? value : -value;
    }
    return sink({row.labels, row.nameless || !delayed, delayed, row.values});
  });
}

absl::StatusOr<Table> Evaluator::Collect(const Expr& expr, const Grid& grid) {
  Table table(&context_);
  const auto keep = [&](const Row& row) {
    if (AllAbsent(row.values)) {
      return absl::OkStatus();
    }
    Labels labels = LabelsOf(row);
    RONDA_RETURN_IF_ERROR(table.charge.Add(
        static_cast<int64_t>(row.values.size()),
        static_cast<int64_t>(row.values.size() * sizeof(double)) + BytesOf(labels)));
    table.rows.push_back(
        {std::move(labels), row.drop_name, {row.values.begin(), row.values.end()}});
    return absl::OkStatus();
  };
  RONDA_RETURN_IF_ERROR(Rows(expr, grid, keep));
  if (MayRepeat(expr)) {
    RONDA_RETURN_IF_ERROR(MergeSameLabels(&table.rows));
  }
  return table;
}

}  // namespace ronda::promql
