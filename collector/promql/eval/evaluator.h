// Evaluates a tree over all steps of a grid at once.
//
// Vectors go through it series by series: Rows() reads a series from the store, makes its values at
// all steps, and hands them on, so that sum(rate(x[5m])) holds one series and the sums and never
// all series. What needs all of them at once (matching, topk, sorting) collects them in a Table.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/ast.h"
#include "collector/promql/eval/context.h"
#include "collector/promql/eval/grid.h"
#include "collector/promql/eval/row.h"
#include "collector/promql/eval/time_shift.h"

namespace ronda::promql {

// One series of a range vector, staleness markers taken out. Valid during the call.
struct RangeSeries {
  const Labels& labels;
  bool nameless;
  bool drop_name;
  std::span<const int64_t> t_ms;
  std::span<const double> values;
};
struct BucketFunction;
struct BucketSteps;
// Gives the rows of the series that match, at the steps of a grid, as their samples have them.
using SampleRows =
    absl::FunctionRef<absl::Status(const std::vector<Matcher>&, const Grid&, RowSink)>;
using RangeSink = absl::FunctionRef<absl::Status(const RangeSeries&)>;

// Not thread-safe. All functions return kFailedPrecondition for what cannot be evaluated, and the
// errors of EvalContext.
class Evaluator {
 public:
  explicit Evaluator(EvalContext* context) : context_(*context) {}

  // A scalar at each step.
  absl::StatusOr<std::vector<double>> Scalar(const Expr& expr, const Grid& grid);

  // The series of an instant vector, one after the other. Two may have the same labels where
  // MayRepeat() says so. Series without any value may be among them.
  absl::Status Rows(const Expr& expr, const Grid& grid, RowSink sink);

  // The same for who changes or drops values: what repeats has been merged, or was an error.
  absl::Status UniqueRows(const Expr& expr, const Grid& grid, RowSink sink);

  // The same, all of them, with labels that are unique and at least one value each.
  absl::StatusOr<Table> Collect(const Expr& expr, const Grid& grid);

  // The series of a range selector or subquery with all samples that windows of the grid need.
  absl::Status Ranges(const Expr& expr, const Grid& grid, RangeSink sink);

  // The window of a range selector or subquery at a step.
  TimeWindow WindowAt(const Expr& range, int64_t t_ms) const {
    return WindowOf(range, Times(), t_ms);
  }

 private:
  QueryTimes Times() const { return {context_.start_ms(), context_.end_ms()}; }

  // True if rows of it, other than by error, may come with the same labels: a name was dropped, and
  // it may not have been the same for all.
  bool MayRepeat(const Expr& expr) const;
  // Fails if the grid has more steps than samples are allowed.
  absl::Status CheckSize(const Grid& grid) const;

  absl::Status RowsAtSteps(const Expr& expr, const Grid& grid, RowSink sink);
  absl::Status SelectorRows(const VectorSelector& selector, const Grid& grid, bool timestamps,
                            RowSink sink);
  absl::Status SelectorSamples(const VectorSelector& selector, const std::vector<Matcher>& matchers,
                               const Grid& grid, bool timestamps, RowSink sink);
  // `matchers` are the selector's, or narrower ones.
  absl::Status MatrixRanges(const MatrixSelector& matrix, const std::vector<Matcher>& matchers,
                            const Grid& grid, RangeSink sink);
  absl::Status SubqueryRanges(const SubqueryExpr& subquery, const Grid& grid, RangeSink sink);
  absl::Status UnaryRows(const UnaryExpr& unary, const Grid& grid, RowSink sink);
  absl::Status TableRows(absl::StatusOr<Table> table, RowSink sink);

  // eval_binary.cc, eval_matching.cc
  absl::Status BinaryRows(const BinaryExpr& binary, const Grid& grid, RowSink sink);
  absl::StatusOr<std::vector<double>> BinaryScalar(const BinaryExpr& binary, const Grid& grid);
  absl::StatusOr<Table> SetOperation(const BinaryExpr& binary, const Grid& grid);
  absl::StatusOr<Table> MatchVectors(const BinaryExpr& binary, const Grid& grid);

  // eval_aggregate.cc, eval_topk.cc
  absl::StatusOr<Table> Aggregate(const AggregateExpr& aggregate, const Grid& grid);
  absl::StatusOr<Table> FoldRows(const AggregateExpr& aggregate, const Grid& grid);
  absl::StatusOr<Table> Quantile(const AggregateExpr& aggregate, const Grid& grid);
  absl::StatusOr<Table> CountValues(const AggregateExpr& aggregate, const Grid& grid);
  absl::StatusOr<Table> Choose(const AggregateExpr& aggregate, const Grid& grid);

  // eval_call.cc, eval_over_time.cc, eval_labels.cc, eval_histogram.cc
  absl::Status CallRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::Status MathRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::Status DateRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::Status TimestampRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::Status OverTimeRows(const CallExpr& call, const Grid& grid, RowSink sink);
  // The same by the samples of a range; `matchers` as for MatrixRanges(), null of a subquery.
  absl::Status WindowRows(const CallExpr& call, const Expr& range,
                          const std::vector<Matcher>* matchers, const Grid& grid, RowSink sink);
  void InformIfNoCounter(const CallExpr& call, const Labels& labels);
  absl::Status AbsentRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::Status AbsentOverTimeRows(const CallExpr& call, const Grid& grid, RowSink sink);
  absl::StatusOr<Table> LabelReplace(const CallExpr& call, const Grid& grid);
  absl::StatusOr<Table> LabelJoin(const CallExpr& call, const Grid& grid);
  absl::StatusOr<Table> Sort(const CallExpr& call, const Grid& grid);
  absl::StatusOr<Table> ClassicHistogram(const CallExpr& call, const Grid& grid);
  absl::StatusOr<std::vector<double>> ScalarOf(const CallExpr& call, const Grid& grid);

  // eval_buckets.cc
  // Rows from roll-ups and, where these do not reach, by `samples`; `window` is that of the first
  // step. False, and nothing is done, if roll-ups cannot tell or are not worth it. Rows come with
  // their names.
  absl::StatusOr<bool> RowsFromBuckets(const BucketFunction& function,
                                       const VectorSelector& selector, const TimeWindow& window,
                                       const Grid& grid, SampleRows samples, RowSink sink);
  absl::Status BucketRows(const BucketFunction& function, const VectorSelector& selector,
                          const TimeWindow& window, const Grid& grid, const BucketSteps& steps,
                          SampleRows samples, RowSink sink);
  // True if the metric that is selected, by its name, is such that its buckets have what it takes.
  bool HasType(const VectorSelector& selector, const BucketFunction& function) const;

  EvalContext& context_;
};

}  // namespace ronda::promql
