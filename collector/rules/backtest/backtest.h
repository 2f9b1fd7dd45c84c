// What rules would have said: each alerting rule over stored history.
//
// A rule that runs on arrival (PlaceRules()) is held against each sample, any other is evaluated at
// the multiples of its group's interval; their alerts live as in operation (lifecycle.h), so that
// `for`, keep_firing_for and ronda_clear count. Unlike in operation nothing is unknown: what the
// history does not have is false. Series that the rules of the file record are read as they are
// stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/rules/backtest/episode.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"

namespace ronda::rules {

struct RuleBacktest {
  const RuleGroup* group = nullptr;
  const Rule* rule = nullptr;
  std::string error;              // "" if it could be evaluated
  std::vector<Episode> episodes;  // by their beginning
};

struct BacktestOptions {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  promql::QueryOptions query;
  int threads = 0;  // that evaluate, each within the limits of `query`; 0: one for each core
};

// Of all alerting rules of the file. `progress` is called now and then, by one thread at a time,
// with how much of all is done; false ends it with kCancelled. The file must outlive the answer.
absl::StatusOr<std::vector<RuleBacktest>> Backtest(
    const RuleFile& file, const store::Queryable& data, const BacktestOptions& options,
    absl::FunctionRef<bool(int64_t done, int64_t all)> progress);

}  // namespace ronda::rules
