#include "collector/promql/threshold.h"

#include <optional>

#include <fmt/format.h>

#include "collector/promql/number_text.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

std::optional<double> ConstantOf(const Expr& expr) {
  const Expr& inner = WithoutParens(expr);
  if (inner.kind == NodeKind::kNumber) {
    return static_cast<const NumberLiteral&>(inner).value;
  }
  if (inner.kind == NodeKind::kUnaryMinus) {
    const auto value = ConstantOf(*static_cast<const UnaryExpr&>(inner).operand);
    return value ? std::optional(-*value) : std::nullopt;
  }
  return std::nullopt;
}

// 4 < x is x > 4.
BinaryOp TurnedAround(BinaryOp op) {
  switch (op) {
    case BinaryOp::kLess:
      return BinaryOp::kGreater;
    case BinaryOp::kLessEqual:
      return BinaryOp::kGreaterEqual;
    case BinaryOp::kGreater:
      return BinaryOp::kLess;
    case BinaryOp::kGreaterEqual:
      return BinaryOp::kLessEqual;
    default:
      return op;
  }
}

}  // namespace

std::string Threshold::ToString() const {
  return fmt::format("{} {} {}", FormatSelector(matchers), promql::ToString(op),
                     FormatNumber(number));
}

absl::StatusOr<Threshold> ParseThreshold(std::string_view text) {
  RONDA_ASSIGN_OR_RETURN(const ExprPtr parsed, Parse(text));
  const Expr& expr = WithoutParens(*parsed);
  if (expr.kind != NodeKind::kBinary || !IsComparison(static_cast<const BinaryExpr&>(expr).op)) {
    return ErrorAt(expr.position,
                   "expected \"selector comparison number\", such as "
                   "node_load1 > 4; there is no comparison");
  }
  const auto& binary = static_cast<const BinaryExpr&>(expr);
  if (binary.return_bool) {
    return ErrorAt(binary.position, "a condition must not have the bool modifier");
  }
  const auto left_number = ConstantOf(*binary.left);
  const auto right_number = ConstantOf(*binary.right);
  const Expr& selector = WithoutParens(left_number ? *binary.right : *binary.left);
  if (!left_number && !right_number) {
    return ErrorAt(binary.position, "one side of the comparison must be a number");
  }
  if (selector.kind != NodeKind::kSelector) {
    return ErrorAt(selector.position,
                   "one side of the comparison must be a selector: in this version a condition is "
                   "\"selector comparison number\", such as node_load1 > 4");
  }
  const auto& vector = static_cast<const VectorSelector&>(selector);
  if (vector.shift.at.has_value() || vector.shift.offset_ms != 0) {
    return ErrorAt(selector.position, "a condition must not have offset and @");
  }
  return Threshold{vector.matchers, left_number ? TurnedAround(binary.op) : binary.op,
                   left_number ? *left_number : *right_number};
}

}  // namespace ronda::promql
