// A rule that runs on arrival, over history: each sample is held against it.
//
// A month of a fleet is many samples, and nearly all of them are on the quiet side of a threshold.
// The least and greatest value of each minute (roll-ups) say of which days of which series that is
// so: these are not read at all.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/rules/backtest/episode.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"
#include "common/model/labels.h"

namespace ronda::rules {

// Not thread-safe. All that is passed must outlive it. A series without samples for `lookback_ms`
// is false from then on, as in a query.
class ArrivalHistory {
 public:
  ArrivalHistory(const Rule& rule, const store::Queryable& data, int64_t lookback_ms)
      : rule_(rule), data_(data), lookback_ms_(lookback_ms) {}

  // From `from_ms` to `to_ms`. `progress` gets the time that has been reached; false ends it with
  // kCancelled.
  absl::Status Run(int64_t from_ms, int64_t to_ms, absl::FunctionRef<bool(int64_t)> progress);
  std::vector<Episode> Finish(int64_t end_ms);

 private:
  struct Active {
    AlertPath path;
    int64_t last_ms = 0;  // of its last sample
  };
  using ActiveBySeries = absl::flat_hash_map<Labels, Active>;

  // Samples alone.
  absl::Status ReadSamples(const std::vector<Matcher>& matchers, int64_t from_ms, int64_t to_ms);
  // What roll-ups hold.
  absl::Status ReadCovered(const store::TimeRange& cover);
  bool MayHold(const store::BucketsView& view) const;
  void Walk(const store::SeriesView& view);
  ActiveBySeries::iterator Raise(const Labels& series, double value, int64_t t_ms);
  // Takes the alert a step on; its entry is gone if it is over.
  ActiveBySeries::iterator Step(ActiveBySeries::iterator at, const Observation& seen, int64_t t_ms);
  // Its series had no samples for too long.
  ActiveBySeries::iterator Lapse(ActiveBySeries::iterator at, int64_t until_ms);
  // Does so with each alert of which that is true at `t_ms`.
  void Expire(int64_t t_ms);

  const Rule& rule_;
  const store::Queryable& data_;
  const int64_t lookback_ms_;
  ActiveBySeries active_;
  absl::flat_hash_set<Labels> raised_;  // the labels of the active alerts
  std::vector<Episode> episodes_;
};

}  // namespace ronda::rules
