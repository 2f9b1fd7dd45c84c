#include "collector/promql/visit.h"

#include "collector/promql/functions.h"

namespace ronda::promql {

void VisitExpr(const Expr& expr, absl::FunctionRef<void(const Expr&)> visit) {
  visit(expr);
  switch (expr.kind) {
    case NodeKind::kMatrix:
      return visit(*static_cast<const MatrixSelector&>(expr).selector);
    case NodeKind::kSubquery:
      return VisitExpr(*static_cast<const SubqueryExpr&>(expr).inner, visit);
    case NodeKind::kParen:
      return VisitExpr(*static_cast<const ParenExpr&>(expr).inner, visit);
    case NodeKind::kUnaryMinus:
    case NodeKind::kUnaryPlus:
      return VisitExpr(*static_cast<const UnaryExpr&>(expr).operand, visit);
    case NodeKind::kBinary:
      VisitExpr(*static_cast<const BinaryExpr&>(expr).left, visit);
      return VisitExpr(*static_cast<const BinaryExpr&>(expr).right, visit);
    case NodeKind::kAggregate: {
      const auto& aggregate = static_cast<const AggregateExpr&>(expr);
      if (aggregate.param != nullptr) {
        VisitExpr(*aggregate.param, visit);
      }
      return VisitExpr(*aggregate.operand, visit);
    }
    case NodeKind::kCall:
      for (const ExprPtr& arg : static_cast<const CallExpr&>(expr).args) {
        VisitExpr(*arg, visit);
      }
      return;
    default:
      return;
  }
}

std::vector<const VectorSelector*> SelectorsOf(const Expr& expr) {
  std::vector<const VectorSelector*> selectors;
  VisitExpr(expr, [&selectors](const Expr& node) {
    if (node.kind == NodeKind::kSelector) {
      selectors.push_back(static_cast<const VectorSelector*>(&node));
    }
  });
  return selectors;
}

}  // namespace ronda::promql
