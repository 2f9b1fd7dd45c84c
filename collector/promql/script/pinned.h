// An expression turned so that the time at which it is asked does not matter.
#pragma once

#include <cstdint>

#include "collector/promql/ast.h"

namespace ronda::promql {

// A copy in which every selector and subquery without @ has `@ t_ms`; what is inside a subquery
// stays as it is. Null if the value would still depend on the time: functions of it (time,
// predict_linear, the dates, timestamp), @ start() and @ end().
ExprPtr Pinned(const Expr& expr, int64_t t_ms);

// True if @ start() or @ end() is in it.
bool UsesQueryTimes(const Expr& expr);

}  // namespace ronda::promql
