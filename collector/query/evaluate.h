// PromQL expressions for the Api: the engine over the store, with limits.
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/query/api.h"
#include "collector/query/select.h"
#include "collector/store/long_history.h"
#include "common/base/clock.h"

namespace ronda::query {

// At start, start + step, ... <= end; of an instant (step_ms 0) only the end counts.
struct EvalTimes {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;
};

struct Evaluated {
  promql::QueryResult result;
  store::LongHistory::Thinned thinned;  // what samples that are gone left of themselves
};

// The expression over all history: samples and, where these are gone, what is left of them. Errors:
// see promql::Engine.
absl::StatusOr<Evaluated> Evaluate(const store::Queryable& data, const promql::Expr& expr,
                                   const EvalTimes& times, promql::QueryOptions options);

// The same for the Api: within its limits, and with what it cost. Errors: see Api::Evaluate().
absl::StatusOr<EvalResult> EvaluateExpression(const store::Queryable& data, const Clock& clock,
                                              const Limits& limits, const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled);

}  // namespace ronda::query
