// Answers PromQL over a store: the semantics of Prometheus 3.x for float samples.
//
//   Engine engine(store);
//   auto now = engine.Instant("sum by (node) (rate(node_cpu_seconds_total[5m]))", t_ms, {});
//   auto day = engine.Range("node_load1", from_ms, to_ms, 60'000, {});
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/promql/ast.h"
#include "collector/store/queryable.h"
#include "common/model/labels.h"

namespace ronda::promql {

struct QueryOptions {
  // An instant selector takes the newest sample in (t - lookback, t].
  int64_t lookback_ms = 300'000;
  // The step of a subquery that gives none, [1h:].
  int64_t default_step_ms = 60'000;
  // Samples held in memory at one time, of input and results together; 0: no limit.
  int64_t max_samples = 50'000'000;
  // Memory of those with their labels, about; 0: no limit.
  int64_t max_bytes = int64_t{1} << 30;
  // Of the whole query; 0: no limit.
  int64_t timeout_ms = 120'000;
  // Windows that are whole minutes or hours are answered from roll-ups, where there are any, if the
  // query spans as much as this: shorter ones are answered from samples as quickly.
  int64_t minutes_from_span_ms = 2 * store::kHourMs;
  int64_t hours_from_span_ms = 6 * store::kHourMs;
  // Set to true by another thread to end the query soon. Must outlive the call.
  const std::atomic<bool>* cancelled = nullptr;
  // Metric names are dropped at the end and not by each function, so that an outer aggregation or
  // label_replace still sees them. Prometheus has it off unless told otherwise, and so has Ronda.
  bool delayed_name_removal = false;
};

struct QueryStats {
  int64_t series_read = 0;
  int64_t samples_read = 0;
  int64_t minutes_read = 0;  // roll-ups of a minute, instead of samples
  int64_t hours_read = 0;
  int64_t peak_samples = 0;  // the most held at one time
  int64_t peak_bytes = 0;
  int64_t selects = 0;  // reads of the store
};

// Columns of equal length, times ascending.
struct Series {
  Labels labels;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

struct QueryResult {
  ValueType type = ValueType::kVector;
  // kScalar: one series without labels. kVector: one point each, at the time of the query; in the
  // order that sort() and topk() gave, else by labels. kMatrix: by labels. kString: none.
  std::vector<Series> series;
  std::string text;  // of kString
  // "PromQL warning: ... (1:7)" and "PromQL info: ... (1:7)", with line and column; sorted, unique.
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  QueryStats stats;
};

// Thread-safe: each call stands alone.
//
// Errors of both calls:
//   kInvalidArgument    the expression, with "LINE:COLUMN: ..." in front; or times that make no
//   sense kFailedPrecondition it cannot be evaluated on this data (many-to-many matching, labels
//   that are
//                       the same twice); the HTTP API calls it "execution"
//   kDeadlineExceeded   timeout_ms has passed
//   kCancelled          *cancelled
//   kResourceExhausted  max_samples or max_bytes; the message names which
//   others              as the store gave them
class Engine {
 public:
  // `store` must outlive the engine.
  explicit Engine(const store::Queryable& store) : store_(store) {}

  // The value of the expression at `t_ms`. A scalar, string, vector or, of a selector with [range]
  // or a subquery, a matrix with the samples' own times.
  absl::StatusOr<QueryResult> Instant(std::string_view expr, int64_t t_ms,
                                      const QueryOptions& options) const;
  absl::StatusOr<QueryResult> Instant(const Expr& expr, int64_t t_ms,
                                      const QueryOptions& options) const;

  // The values at start, start + step, ... up to end: always kMatrix; a scalar is one series
  // without labels. step_ms > 0 and end_ms >= start_ms. Strings and range vectors are
  // kInvalidArgument.
  absl::StatusOr<QueryResult> Range(std::string_view expr, int64_t start_ms, int64_t end_ms,
                                    int64_t step_ms, const QueryOptions& options) const;
  absl::StatusOr<QueryResult> Range(const Expr& expr, int64_t start_ms, int64_t end_ms,
                                    int64_t step_ms, const QueryOptions& options) const;

 private:
  const store::Queryable& store_;
};

}  // namespace ronda::promql
