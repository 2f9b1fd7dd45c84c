#include "collector/promql/ast.h"

#include <algorithm>
#include <iterator>

#include "collector/promql/functions.h"

namespace ronda::promql {
namespace {

bool AllInvariant(const FunctionSpec& function, const std::vector<ExprPtr>& args) {
  return !DependsOnTime(function.id) &&
         std::all_of(args.begin(), args.end(), [](const ExprPtr& a) { return a->step_invariant; });
}

ValueType BinaryType(const Expr& left, const Expr& right) {
  return left.type == ValueType::kScalar && right.type == ValueType::kScalar ? ValueType::kScalar
                                                                             : ValueType::kVector;
}

}  // namespace

BinaryExpr::BinaryExpr(Position at, BinaryOp o, ExprPtr l, ExprPtr r, bool with_bool,
                       VectorMatching m)
    : Expr(NodeKind::kBinary, at, BinaryType(*l, *r), l->step_invariant && r->step_invariant),
      op(o),
      left(std::move(l)),
      right(std::move(r)),
      return_bool(with_bool),
      matching(std::move(m)) {}

CallExpr::CallExpr(Position at, const FunctionSpec& f, std::vector<ExprPtr> a)
    : Expr(NodeKind::kCall, at, f.result, AllInvariant(f, a)), function(f), args(std::move(a)) {}

std::string_view ToString(ValueType type) {
  static constexpr std::string_view kNames[] = {"scalar", "string", "instant vector",
                                                "range vector"};
  return kNames[static_cast<int>(type)];
}

std::string_view ToString(BinaryOp op) {
  static constexpr std::string_view kNames[] = {
      "==", "!=", "<", "<=", ">",     ">=",  "+",  "-",
      "*",  "/",  "%", "^",  "atan2", "and", "or", "unless"};
  return kNames[static_cast<int>(op)];
}

std::string_view ToString(AggregateOp op) {
  static constexpr std::string_view kNames[] = {
      "sum",    "avg",  "count",   "min",          "max",      "group",  "stddev",
      "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"};
  return kNames[static_cast<int>(op)];
}

Position StartOf(const Expr& expr) {
  const Expr* at = &expr;
  for (;;) {
    if (at->kind == NodeKind::kBinary) {
      at = static_cast<const BinaryExpr*>(at)->left.get();
    } else {
      return at->position;
    }
  }
}

const Expr& WithoutParens(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind == NodeKind::kParen) {
    inner = static_cast<const ParenExpr*>(inner)->inner.get();
  }
  return *inner;
}

}  // namespace ronda::promql
