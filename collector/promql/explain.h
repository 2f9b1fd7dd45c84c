// How a query is going to be answered, for `ronda explain`: what is read from the store, and which
// parts run series by series. Nothing is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/promql/ast.h"
#include "collector/promql/engine.h"
#include "common/model/matcher.h"

namespace ronda::promql {

// One read of the store: all samples with start_ms <= t <= end_ms of what matches.
struct PlannedRead {
  std::vector<Matcher> matchers;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
};

struct QueryPlan {
  // In the order in which they are made.
  std::vector<PlannedRead> reads;
  // The tree, a line a node, two blanks a level.
  //
  //   sum by (node): folds series while they are read
  //     rate: window 5m
  //       read node_cpu_seconds_total{mode="idle"} from 1700000000 to 1700003600
  std::string text;
};

// Of Engine::Range(), or with start_ms == end_ms and step_ms 1 of Engine::Instant().
QueryPlan Explain(const Expr& expr, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                  const QueryOptions& options);

}  // namespace ronda::promql
