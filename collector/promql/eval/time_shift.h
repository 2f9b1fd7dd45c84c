// What offset, @, ranges and subqueries make of the times of steps.
#pragma once

#include <cstdint>

#include "collector/promql/ast.h"
#include "collector/promql/eval/grid.h"

namespace ronda::promql {

// Those of the whole query: @ start() and @ end().
struct QueryTimes {
  int64_t start_ms;
  int64_t end_ms;
};

inline int64_t ShiftedTime(const TimeShift& shift, const QueryTimes& times, int64_t t_ms) {
  if (!shift.at.has_value()) {
    return t_ms - shift.offset_ms;
  }
  switch (shift.at->kind) {
    case AtModifier::Kind::kTime:
      return shift.at->t_ms - shift.offset_ms;
    case AtModifier::Kind::kStart:
      return times.start_ms - shift.offset_ms;
    case AtModifier::Kind::kEnd:
      return times.end_ms - shift.offset_ms;
  }
  return t_ms;
}

// (begin, end].
struct TimeWindow {
  int64_t begin_ms;
  int64_t end_ms;
};

// The window of a kMatrix or kSubquery at a step.
inline TimeWindow WindowOf(const Expr& range, const QueryTimes& times, int64_t t_ms) {
  const bool is_matrix = range.kind == NodeKind::kMatrix;
  const TimeShift& shift = is_matrix ? static_cast<const MatrixSelector&>(range).selector->shift
                                     : static_cast<const SubqueryExpr&>(range).shift;
  const int64_t length = is_matrix ? static_cast<const MatrixSelector&>(range).range_ms
                                   : static_cast<const SubqueryExpr&>(range).range_ms;
  const int64_t end = ShiftedTime(shift, times, t_ms);
  return {end - length, end};
}

// The steps of a subquery that lie in any of the windows: multiples of its step.
inline Grid SubqueryGrid(const SubqueryExpr& subquery, const QueryTimes& times, const Grid& outer,
                         int64_t default_step_ms) {
  const int64_t step = subquery.step_ms > 0 ? subquery.step_ms : default_step_ms;
  const int64_t begin = WindowOf(subquery, times, outer.start_ms).begin_ms;
  int64_t start = begin / step * step;
  if (start <= begin) {
    start += step;
  }
  return Grid::Of(start, WindowOf(subquery, times, outer.end_ms()).end_ms, step);
}

}  // namespace ronda::promql
