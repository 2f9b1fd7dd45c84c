// Operators with a scalar on one side or both.
#include <vector>

#include "collector/promql/eval/arithmetic.h"
#include "collector/promql/eval/evaluator.h"
#include "common/base/status.h"

namespace ronda::promql {

absl::StatusOr<std::vector<double>> Evaluator::BinaryScalar(const BinaryExpr& binary,
                                                            const Grid& grid) {
  RONDA_ASSIGN_OR_RETURN(std::vector<double> left, Scalar(*binary.left, grid));
  RONDA_ASSIGN_OR_RETURN(const std::vector<double> right, Scalar(*binary.right, grid));
  const BinaryOp op = binary.op;
  for (size_t i = 0; i < grid.size; ++i) {
    left[i] = IsComparison(op) ? (Compares(op, left[i], right[i]) ? 1 : 0)
                               : Arithmetic(op, left[i], right[i]);
  }
  return left;
}

absl::Status Evaluator::BinaryRows(const BinaryExpr& binary, const Grid& grid, RowSink sink) {
  const bool left_scalar = binary.left->type == ValueType::kScalar;
  if (!left_scalar && binary.right->type != ValueType::kScalar) {
    return TableRows(
        IsSetOperator(binary.op) ? SetOperation(binary, grid) : MatchVectors(binary, grid), sink);
  }
  RONDA_ASSIGN_OR_RETURN(const std::vector<double> scalar,
                         Scalar(left_scalar ? *binary.left : *binary.right, grid));
  const BinaryOp op = binary.op;
  const bool filters = IsComparison(op) && !binary.return_bool;
  const bool delayed = context_.delayed_names();
  return UniqueRows(left_scalar ? *binary.right : *binary.left, grid, [&](const Row& row) {
    for (size_t i = 0; i < grid.size; ++i) {
      double& value = row.values[i];
      if (IsAbsent(value)) {
        continue;
      }
      const double a = left_scalar ? scalar[i] : value;
      const double b = left_scalar ? value : scalar[i];
      if (filters) {
        value = Compares(op, a, b) ? value : Absent();
      } else {
        value = binary.return_bool ? (Compares(op, a, b) ? 1 : 0) : Arithmetic(op, a, b);
      }
    }
    if (filters) {
      return sink(row);
    }
    return sink({row.labels, row.nameless || !delayed, row.drop_name || delayed, row.values});
  });
}

}  // namespace ronda::promql
