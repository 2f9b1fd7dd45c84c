// A rule that is evaluated at its group's interval, over history.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/promql/engine.h"
#include "collector/rules/backtest/episode.h"
#include "collector/rules/rule_file.h"
#include "collector/store/queryable.h"
#include "common/model/labels.h"

namespace ronda::rules {

// The answers come first, for parts of the time and by any thread; then the alerts go through them
// in the order of time. All that is passed must outlive it.
class IntervalHistory {
 public:
  // What the rule's expressions give at the steps of a part.
  struct Answer {
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    std::map<Labels, promql::Series> truth;        // by the alerts' labels
    std::map<Labels, std::vector<int64_t>> holds;  // when ronda_clear does not: see rule_file.h
  };

  IntervalHistory(const RuleGroup& group, const Rule& rule, const store::Queryable& data,
                  const promql::QueryOptions& query)
      : rule_(rule),
        engine_(data),
        query_(query),
        step_ms_(group.IntervalMs()),
        offset_ms_(group.query_offset_ms) {}

  // How long a part should be, so that it neither takes too much memory nor reads again most of
  // what the one before read.
  int64_t PartMs() const;

  // At from, from + interval, ... to. One that needs more room than the query may have comes in
  // several pieces. Thread-safe.
  absl::StatusOr<std::vector<Answer>> Evaluate(int64_t from_ms, int64_t to_ms) const;

  // Takes the alerts through the answer, which follows the one before. Not thread-safe, nor is
  // Finish().
  void Walk(const Answer& answer);
  std::vector<Episode> Finish(int64_t end_ms);

 private:
  Labels LabelsOf(const promql::Series& series) const;
  absl::StatusOr<promql::QueryResult> Range(const promql::Expr& expr, int64_t from_ms,
                                            int64_t to_ms) const;
  absl::StatusOr<Answer> EvaluateOnce(int64_t from_ms, int64_t to_ms) const;
  absl::Status EvaluateInto(int64_t from_ms, int64_t to_ms, std::vector<Answer>* out) const;
  absl::Status FindHolds(Answer* answer) const;
  void WalkOne(const Labels& labels, const promql::Series* series,
               const std::vector<int64_t>* holds, const Answer& answer);

  const Rule& rule_;
  const promql::Engine engine_;
  const promql::QueryOptions& query_;
  const int64_t step_ms_;
  const int64_t offset_ms_;
  std::map<Labels, AlertPath> paths_;
  std::vector<Episode> episodes_;
};

}  // namespace ronda::rules
