// Selectors: the values of a series at the steps, and its samples in windows.
#include <algorithm>
#include <vector>

#include "collector/promql/eval/bucket_functions.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/scan.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

// The samples without staleness markers: as they are if there is none.
struct WithoutStale {
  std::vector<int64_t> t_ms;
  std::vector<double> values;

  // True if the copies hold the samples.
  bool Fill(std::span<const int64_t> times, std::span<const double> all) {
    if (!HasStale(all)) {
      return false;
    }
    t_ms.clear();
    values.clear();
    for (size_t i = 0; i < all.size(); ++i) {
      if (!IsStale(all[i])) {
        t_ms.push_back(times[i]);
        values.push_back(all[i]);
      }
    }
    return true;
  }
};

}  // namespace

absl::Status Evaluator::SelectorRows(const VectorSelector& selector, const Grid& grid,
                                     bool timestamps, RowSink sink) {
  const auto samples = [&](const std::vector<Matcher>& matchers, const Grid& steps, RowSink to) {
    return SelectorSamples(selector, matchers, steps, timestamps, to);
  };
  const int64_t end_ms = ShiftedTime(selector.shift, Times(), grid.start_ms);
  RONDA_ASSIGN_OR_RETURN(
      const bool done,
      RowsFromBuckets(NewestOfBuckets(timestamps), selector,
                      {end_ms - context_.options().lookback_ms, end_ms}, grid, samples, sink));
  return done ? absl::OkStatus() : samples(selector.matchers, grid, sink);
}

absl::Status Evaluator::SelectorSamples(const VectorSelector& selector,
                                        const std::vector<Matcher>& matchers, const Grid& grid,
                                        bool timestamps, RowSink sink) {
  const int64_t lookback = context_.options().lookback_ms;
  const bool fixed = selector.shift.at.has_value();
  const int64_t first = ShiftedTime(selector.shift, Times(), grid.start_ms);
  const int64_t last = ShiftedTime(selector.shift, Times(), grid.end_ms());
  std::vector<double> values(grid.size);
  const auto visit = [&](const store::SeriesView& series) {
    size_t after = 0;  // the first sample later than the step
    int64_t want = first;
    for (size_t i = 0; i < grid.size; ++i) {
      after = FirstAfter(series.t_ms, after, want);
      const bool found = after > 0 && series.t_ms[after - 1] > want - lookback &&
                         !IsStale(series.values[after - 1]);
      values[i] = !found       ? Absent()
                  : timestamps ? static_cast<double>(series.t_ms[after - 1]) / 1000
                               : series.values[after - 1];
      want += fixed ? 0 : grid.step_ms;
    }
    return sink({series.labels, false, false, values});
  };
  return fixed || grid.size == 1
             ? context_.SelectNewest(matchers, first - lookback + 1, last, visit)
             : context_.Select(matchers, first - lookback + 1, last, visit);
}

absl::Status Evaluator::Ranges(const Expr& expr, const Grid& grid, RangeSink sink) {
  const Expr& range = WithoutParens(expr);
  if (range.kind == NodeKind::kMatrix) {
    const auto& matrix = static_cast<const MatrixSelector&>(range);
    return MatrixRanges(matrix, matrix.selector->matchers, grid, sink);
  }
  if (range.kind == NodeKind::kSubquery) {
    return SubqueryRanges(static_cast<const SubqueryExpr&>(range), grid, sink);
  }
  return absl::InternalError("not a range vector");
}

absl::Status Evaluator::MatrixRanges(const MatrixSelector& matrix,
                                     const std::vector<Matcher>& matchers, const Grid& grid,
                                     RangeSink sink) {
  const TimeWindow first = WindowAt(matrix, grid.start_ms);
  const TimeWindow last = WindowAt(matrix, grid.end_ms());
  WithoutStale clean;
  return context_.Select(matchers, first.begin_ms + 1, last.end_ms,
                         [&](const store::SeriesView& series) {
                           if (clean.Fill(series.t_ms, series.values)) {
                             return sink({series.labels, false, false, clean.t_ms, clean.values});
                           }
                           return sink({series.labels, false, false, series.t_ms, series.values});
                         });
}

// The inner expression is evaluated at the multiples of the step that lie in any of the windows.
absl::Status Evaluator::SubqueryRanges(const SubqueryExpr& subquery, const Grid& grid,
                                       RangeSink sink) {
  const Grid inner = SubqueryGrid(subquery, Times(), grid, context_.options().default_step_ms);
  if (inner.size == 0) {
    return absl::OkStatus();
  }
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  const auto one = [&](const Row& row) {
    t_ms.clear();
    values.clear();
    for (size_t i = 0; i < inner.size; ++i) {
      if (!IsAbsent(row.values[i])) {
        t_ms.push_back(inner.At(i));
        values.push_back(row.values[i]);
      }
    }
    return t_ms.empty() ? absl::OkStatus()
                        : sink({row.labels, row.nameless, row.drop_name, t_ms, values});
  };
  return UniqueRows(*subquery.inner, inner, one);
}

}  // namespace ronda::promql
