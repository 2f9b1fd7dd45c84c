// What may be combined with what: called by the parser for each node before it is made.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "collector/promql/ast.h"
#include "collector/promql/functions.h"

namespace ronda::promql {

// All return kInvalidArgument, "LINE:COLUMN: ...".
absl::Status CheckBinary(Position at, BinaryOp op, const Expr& left, const Expr& right,
                         bool return_bool, const VectorMatching& matching, bool has_matching);
absl::Status CheckUnary(Position at, const Expr& operand);
absl::Status CheckCall(Position at, const FunctionSpec& function, const std::vector<ExprPtr>& args);
// `args` are the parameter, where the aggregation has one, and the operand.
absl::Status CheckAggregate(Position at, AggregateOp op, const std::vector<ExprPtr>& args);

constexpr bool HasParameter(AggregateOp op) { return op >= AggregateOp::kTopk; }

}  // namespace ronda::promql
