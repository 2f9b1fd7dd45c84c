// PromQL expressions for the Api: the engine over the store, with limits.
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "collector/query/api.h"
#include "collector/query/select.h"
#include "collector/store/queryable.h"
#include "common/base/clock.h"

namespace ronda::query {

// Errors: see Api::Evaluate(). Where samples are gone it reads what is left of them
// (store::LongHistory), and says so.
absl::StatusOr<EvalResult> EvaluateExpression(const store::Queryable& data, const Clock& clock,
                                              const Limits& limits, const EvalSpec& spec,
                                              const std::atomic<bool>* cancelled);

}  // namespace ronda::query
