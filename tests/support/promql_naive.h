// PromQL evaluated the plain way, as an oracle: one time, one sample after the other, everything
// looked up anew. Shares the parser with the engine and nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/promql/ast.h"
#include "tests/support/promql_generator.h"

namespace ronda {

class NaivePromql {
 public:
  // Scalars and instant vectors; a scalar is one value without labels.
  using Vector = std::map<Labels, double>;

  // `series` must outlive it. The times are those of @ start() and @ end().
  NaivePromql(const std::vector<GeneratedSeries>& series, int64_t start_ms, int64_t end_ms)
      : series_(series), start_ms_(start_ms), end_ms_(end_ms) {}

  // Nothing if it cannot be evaluated.
  std::optional<Vector> Evaluate(const promql::Expr& expr, int64_t t_ms) const;

 private:
  using Samples = std::vector<Sample>;
  using Ranges = std::map<Labels, Samples>;

  // These throw std::runtime_error.
  Vector Eval(const promql::Expr& expr, int64_t t_ms) const;
  double Scalar(const promql::Expr& expr, int64_t t_ms) const;
  Ranges Range(const promql::Expr& expr, int64_t t_ms) const;
  Vector Select(const promql::VectorSelector& selector, int64_t t_ms, bool timestamps) const;
  Vector Binary(const promql::BinaryExpr& binary, int64_t t_ms) const;
  Vector Match(const promql::BinaryExpr& binary, const Vector& left, const Vector& right) const;
  Vector Aggregate(const promql::AggregateExpr& aggregate, int64_t t_ms) const;
  Vector Call(const promql::CallExpr& call, int64_t t_ms) const;
  Vector OverTime(const promql::CallExpr& call, int64_t t_ms) const;
  Vector HistogramQuantile(const promql::CallExpr& call, int64_t t_ms) const;
  int64_t Shift(const promql::TimeShift& shift, int64_t t_ms) const;

  const std::vector<GeneratedSeries>& series_;
  const int64_t start_ms_;
  const int64_t end_ms_;
};

}  // namespace ronda
