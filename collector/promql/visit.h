// Walks syntax trees.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "collector/promql/ast.h"

namespace ronda::promql {

// Each node of the expression, parents first. The selector in a range selector is one.
void VisitExpr(const Expr& expr, absl::FunctionRef<void(const Expr&)> visit);

// The selectors in it, range selectors' too.
std::vector<const VectorSelector*> SelectorsOf(const Expr& expr);

}  // namespace ronda::promql
