// What rules would have said: each alerting rule over stored history.
//
// An expression is evaluated at each interval of its group over the whole window, a day at a time,
// and its alerts live as in operation (lifecycle.h), so that `for`, keep_firing_for and ronda_clear
// count. Unlike in operation nothing is unknown: what the history does not have is false. Series
// that the rules of the file record are read as they are stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"
#include "common/model/labels.h"

namespace ronda::rules {

// One time that an alert would have fired.
struct Episode {
  Labels labels;  // of the alert
  int64_t from_ms = 0;
  int64_t to_ms = 0;   // when it would have resolved, or the end of the window
  bool lasts = false;  // it fires at the end of the window
  double value = 0;    // at the beginning
};

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
};

// Of all alerting rules of the file. `progress` is called now and then with how much of all is
// done; false ends it with kCancelled. The file must outlive the answer.
absl::StatusOr<std::vector<RuleBacktest>> Backtest(
    const RuleFile& file, const store::Queryable& data, const BacktestOptions& options,
    absl::FunctionRef<bool(int64_t done, int64_t all)> progress);

}  // namespace ronda::rules
