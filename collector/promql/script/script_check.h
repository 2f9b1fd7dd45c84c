// Holds what a query answered to what a script expects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/promql/script/script.h"

namespace ronda::promql {

// All return "" if it is as expected, else "expected ..., got ...".

// The answer of the query as it is written.
std::string CheckAnswer(const EvalCommand& eval, const absl::StatusOr<QueryResult>& answer);
// The values alone, as an instant vector or scalar at any time.
std::string CheckInstantValues(const EvalCommand& eval, const QueryResult& result);
// Those at one step of a range query.
std::string CheckStep(const EvalCommand& eval, const QueryResult& result, int64_t t_ms);

}  // namespace ronda::promql
