// Aggregations that take one series after the other and keep a few numbers a step.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "collector/promql/ast.h"

namespace ronda::promql {

// The series of one group folded together, at all steps.
class Fold {
 public:
  virtual ~Fold() = default;
  virtual void Add(std::span<const double> values) = 0;
  // The results; absent where no series had a value.
  virtual std::vector<double> Finish() = 0;

  // For sum, avg, count, min, max, group, stddev and stdvar.
  static std::unique_ptr<Fold> New(AggregateOp op, size_t steps);
  // What one takes, a step.
  static int64_t BytesPerStep(AggregateOp op);
};

}  // namespace ronda::promql
