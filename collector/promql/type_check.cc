#include "collector/promql/type_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace ronda::promql {
namespace {

absl::Status ExpectType(const Expr& expr, ValueType wanted, std::string_view where) {
  if (expr.type == wanted) {
    return absl::OkStatus();
  }
  return ErrorAt(StartOf(expr), fmt::format("expected type {} in {}, got {}", ToString(wanted),
                                            where, ToString(expr.type)));
}

bool IsOperand(const Expr& expr) {
  return expr.type == ValueType::kScalar || expr.type == ValueType::kVector;
}

}  // namespace

absl::Status CheckBinary(Position at, BinaryOp op, const Expr& left, const Expr& right,
                         bool return_bool, const VectorMatching& matching, bool has_matching) {
  for (const Expr* side : {&left, &right}) {
    if (!IsOperand(*side)) {
      return ErrorAt(StartOf(*side),
                     fmt::format("binary expression must contain only scalar and instant vector "
                                 "types, got {}",
                                 ToString(side->type)));
    }
  }
  const bool scalars = left.type == ValueType::kScalar && right.type == ValueType::kScalar;
  const bool vectors = left.type == ValueType::kVector && right.type == ValueType::kVector;
  if (return_bool && !IsComparison(op)) {
    return ErrorAt(at, "bool modifier can only be used on comparison operators");
  }
  if (IsComparison(op) && scalars && !return_bool) {
    return ErrorAt(at, "comparisons between scalars must use the bool modifier");
  }
  if (IsSetOperator(op) && !vectors) {
    return ErrorAt(at, fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                                   ToString(op)));
  }
  if (has_matching && !vectors) {
    return ErrorAt(at, "vector matching only allowed between instant vectors");
  }
  const bool grouped = matching.cardinality == VectorMatching::Cardinality::kManyToOne ||
                       matching.cardinality == VectorMatching::Cardinality::kOneToMany;
  if (IsSetOperator(op) && grouped) {
    return ErrorAt(at, fmt::format("no grouping allowed for \"{}\" operation", ToString(op)));
  }
  if (matching.on) {
    for (const std::string& label : matching.include) {
      if (std::find(matching.labels.begin(), matching.labels.end(), label) !=
          matching.labels.end()) {
        return ErrorAt(
            at, fmt::format("label \"{}\" must not occur in ON and GROUP clause at once", label));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckUnary(Position at, const Expr& operand) {
  if (IsOperand(operand)) {
    return absl::OkStatus();
  }
  return ErrorAt(at, fmt::format("unary expression only allowed on expressions of type scalar or "
                                 "instant vector, got {}",
                                 ToString(operand.type)));
}

absl::Status CheckCall(Position at, const FunctionSpec& function,
                       const std::vector<ExprPtr>& args) {
  const auto given = static_cast<int>(args.size());
  const bool too_many = function.max_args >= 0 && given > function.max_args;
  if (given < function.min_args || too_many) {
    const int limit = too_many ? function.max_args : function.min_args;
    const std::string_view bound = function.min_args == function.max_args ? ""
                                   : too_many                             ? "at most "
                                                                          : "at least ";
    return ErrorAt(at, fmt::format("expected {}{} argument(s) in call to \"{}\", got {}", bound,
                                   limit, function.name, given));
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const absl::Status status = ExpectType(*args[i], function.ArgType(i),
                                           fmt::format("call to function \"{}\"", function.name));
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAggregate(Position at, AggregateOp op, const std::vector<ExprPtr>& args) {
  const size_t wanted = HasParameter(op) ? 2 : 1;
  if (args.size() != wanted) {
    return ErrorAt(
        at, fmt::format("wrong number of arguments for aggregate expression {}, expected {}, "
                        "got {}",
                        ToString(op), wanted, args.size()));
  }
  if (wanted == 2) {
    const ValueType type =
        op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
    const absl::Status status = ExpectType(*args[0], type, "aggregation parameter");
    if (!status.ok()) {
      return status;
    }
  }
  return ExpectType(*args.back(), ValueType::kVector, "aggregation expression");
}

}  // namespace ronda::promql
