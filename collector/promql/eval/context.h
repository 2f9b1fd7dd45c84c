// What one query has with it while it is evaluated: the store, its limits, what it cost so far and
// what there is to say about it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/promql/lexer.h"
#include "collector/store/queryable.h"

namespace ronda::promql {

// Not thread-safe: a query runs on one thread.
class EvalContext {
 public:
  // The times are those of the whole query: @ start() and @ end(). What is passed must outlive
  // this.
  EvalContext(const store::Queryable& store, const QueryOptions& options, int64_t start_ms,
              int64_t end_ms);

  const QueryOptions& options() const { return options_; }
  int64_t start_ms() const { return start_ms_; }
  int64_t end_ms() const { return end_ms_; }
  bool delayed_names() const { return options_.delayed_name_removal; }

  // kCancelled or kDeadlineExceeded once it is time to stop. Cheap: call it for each series.
  absl::Status Check();

  // Reads the store, counts what was read, and ends early by itself as Check() and the limits say.
  absl::Status Select(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                      absl::FunctionRef<absl::Status(const store::SeriesView&)> visit);
  // The same for the newest sample of each series: there may be older ones.
  absl::Status SelectNewest(const std::vector<Matcher>& matchers, int64_t start_ms, int64_t end_ms,
                            absl::FunctionRef<absl::Status(const store::SeriesView&)> visit);

  // The same for roll-ups. See Queryable.
  absl::StatusOr<store::TimeRange> BucketsCover(const std::vector<Matcher>& matchers,
                                                store::Resolution resolution, int64_t start_ms,
                                                int64_t end_ms) const {
    return store_.BucketsCover(matchers, resolution, start_ms, end_ms);
  }
  absl::Status SelectBuckets(const std::vector<Matcher>& matchers, store::Resolution resolution,
                             int64_t start_ms, int64_t end_ms,
                             absl::FunctionRef<absl::Status(const store::BucketsView&)> visit);
  // What was declared of a metric, if it was.
  std::optional<MetricInfo> Metric(std::string_view name) const;

  // kResourceExhausted if so many samples more would be too many. Use Charge for what stays.
  absl::Status CheckRoom(int64_t samples, int64_t bytes) const;

  // "PromQL warning: text (1:7)"; the same one twice is one.
  void Warn(Position at, std::string_view text);
  void Inform(Position at, std::string_view text);
  // The monotonicity of `name` was forced at a time: told once at the end with extremes of all.
  void ForcedMonotonicity(Position at, std::string_view name, int64_t t_ms, double min_bucket,
                          double max_bucket, double max_diff);

  // Moves warnings, infos and stats to the result.
  void Finish(QueryResult* result);

 private:
  friend class Charge;
  struct Forced {
    Position at;
    std::string name;
    int64_t min_t_ms;
    int64_t max_t_ms;
    double min_bucket;
    double max_bucket;
    double max_diff;
    int count;
  };

  using StoreSelect =
      absl::Status (store::Queryable::*)(const std::vector<Matcher>&, int64_t, int64_t,
                                         absl::FunctionRef<bool(const store::SeriesView&)>) const;
  // OK if the query may go on with a series of so many samples or buckets in memory.
  absl::Status Admit(int64_t items, int64_t bytes_each);
  absl::Status SelectBy(StoreSelect select, const std::vector<Matcher>& matchers, int64_t start_ms,
                        int64_t end_ms,
                        absl::FunctionRef<absl::Status(const store::SeriesView&)> visit);

  const store::Queryable& store_;
  const QueryOptions& options_;
  const int64_t start_ms_;
  const int64_t end_ms_;
  const std::chrono::steady_clock::time_point deadline_;
  QueryStats stats_;
  int64_t held_samples_ = 0;
  int64_t held_bytes_ = 0;
  std::set<std::string> warnings_;
  std::set<std::string> infos_;
  std::vector<Forced> forced_;
};

// Holds a part of the query's room, as long as it lives.
class Charge {
 public:
  explicit Charge(EvalContext* context) : context_(context) {}
  Charge(Charge&& other) noexcept
      : context_(other.context_), samples_(other.samples_), bytes_(other.bytes_) {
    other.samples_ = 0;
    other.bytes_ = 0;
  }
  Charge& operator=(Charge&& other) noexcept;
  ~Charge() { Release(); }

  // kResourceExhausted, and nothing is added, if there is no room.
  absl::Status Add(int64_t samples, int64_t bytes);
  void Release();

 private:
  EvalContext* context_;
  int64_t samples_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace ronda::promql
