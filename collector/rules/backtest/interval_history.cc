// Tested by tests/unit/collector/rules/backtest_test.cc.
#include "collector/rules/backtest/interval_history.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "collector/promql/visit.h"
#include "collector/rules/lifecycle.h"
#include "collector/rules/texts.h"
#include "common/base/status.h"

namespace ronda::rules {
namespace {

constexpr int64_t kDayMs = 24LL * 3600 * 1000;
// A part spans at least so many of the longest window, of which it reads one more.
constexpr int64_t kWindowsInPart = 6;
constexpr int64_t kMaxSteps = 100'000;

int64_t LongestWindowMs(const promql::Expr& expr) {
  int64_t longest_ms = 0;
  promql::VisitExpr(expr, [&longest_ms](const promql::Expr& node) {
    if (node.kind == promql::NodeKind::kMatrix) {
      longest_ms = std::max(longest_ms, static_cast<const promql::MatrixSelector&>(node).range_ms);
    } else if (node.kind == promql::NodeKind::kSubquery) {
      longest_ms = std::max(longest_ms, static_cast<const promql::SubqueryExpr&>(node).range_ms);
    }
  });
  return longest_ms;
}

}  // namespace

int64_t IntervalHistory::PartMs() const {
  const int64_t wanted_ms = std::max(kDayMs, kWindowsInPart * LongestWindowMs(*rule_.expression));
  return std::min(wanted_ms / step_ms_ + 1, kMaxSteps) * step_ms_;
}

Labels IntervalHistory::LabelsOf(const promql::Series& series) const {
  return AlertLabels(rule_, series.labels, series.values.empty() ? 0 : series.values.front(), 0,
                     {});
}

absl::StatusOr<promql::QueryResult> IntervalHistory::Range(const promql::Expr& expr,
                                                           int64_t from_ms, int64_t to_ms) const {
  return engine_.Range(expr, from_ms - offset_ms_, to_ms - offset_ms_, step_ms_, query_);
}

absl::StatusOr<std::vector<IntervalHistory::Answer>> IntervalHistory::Evaluate(
    int64_t from_ms, int64_t to_ms) const {
  std::vector<Answer> out;
  RONDA_RETURN_IF_ERROR(EvaluateInto(from_ms, to_ms, &out));
  return out;
}

absl::Status IntervalHistory::EvaluateInto(int64_t from_ms, int64_t to_ms,
                                           std::vector<Answer>* out) const {
  absl::StatusOr<Answer> answer = EvaluateOnce(from_ms, to_ms);
  if (answer.ok()) {
    out->push_back(*std::move(answer));
    return absl::OkStatus();
  }
  const int64_t steps = (to_ms - from_ms) / step_ms_ + 1;
  if (answer.status().code() != absl::StatusCode::kResourceExhausted || steps < 2) {
    return answer.status();
  }
  const int64_t middle_ms = from_ms + (steps / 2 - 1) * step_ms_;
  RONDA_RETURN_IF_ERROR(EvaluateInto(from_ms, middle_ms, out));
  return EvaluateInto(middle_ms + step_ms_, to_ms, out);
}

absl::StatusOr<IntervalHistory::Answer> IntervalHistory::EvaluateOnce(int64_t from_ms,
                                                                      int64_t to_ms) const {
  Answer answer;
  answer.from_ms = from_ms;
  answer.to_ms = to_ms;
  RONDA_ASSIGN_OR_RETURN(promql::QueryResult truth, Range(*rule_.expression, from_ms, to_ms));
  for (promql::Series& series : truth.series) {
    answer.truth.emplace(LabelsOf(series), std::move(series));
  }
  if (rule_.clear_expression != nullptr) {
    RONDA_RETURN_IF_ERROR(FindHolds(&answer));
  }
  return answer;
}

// When what ronda_clear compares is there and it does not hold.
absl::Status IntervalHistory::FindHolds(Answer* answer) const {
  const auto& comparison =
      static_cast<const promql::BinaryExpr&>(promql::WithoutParens(*rule_.clear_expression));
  const promql::Expr& compared =
      comparison.left->type == promql::ValueType::kVector ? *comparison.left : *comparison.right;
  RONDA_ASSIGN_OR_RETURN(const promql::QueryResult there,
                         Range(compared, answer->from_ms, answer->to_ms));
  RONDA_ASSIGN_OR_RETURN(const promql::QueryResult cleared,
                         Range(comparison, answer->from_ms, answer->to_ms));
  std::map<Labels, absl::flat_hash_set<int64_t>> over;
  for (const promql::Series& series : cleared.series) {
    over[LabelsOf(series)].insert(series.t_ms.begin(), series.t_ms.end());
  }
  for (const promql::Series& series : there.series) {
    const Labels labels = LabelsOf(series);
    const absl::flat_hash_set<int64_t>& not_at = over[labels];
    std::vector<int64_t>& times = answer->holds[labels];
    for (const int64_t t_ms : series.t_ms) {
      if (!not_at.contains(t_ms)) {
        times.push_back(t_ms);
      }
    }
  }
  return absl::OkStatus();
}

void IntervalHistory::Walk(const Answer& answer) {
  std::vector<Labels> without_truth;
  for (const auto& [labels, path] : paths_) {
    if (!answer.truth.contains(labels)) {
      without_truth.push_back(labels);
    }
  }
  const auto walk = [&](const Labels& labels, const promql::Series* series) {
    const auto holds = answer.holds.find(labels);
    WalkOne(labels, series, holds == answer.holds.end() ? nullptr : &holds->second, answer);
  };
  for (const auto& [labels, series] : answer.truth) {
    walk(labels, &series);
  }
  for (const Labels& labels : without_truth) {
    walk(labels, nullptr);
  }
}

void IntervalHistory::WalkOne(const Labels& labels, const promql::Series* series,
                              const std::vector<int64_t>* holds, const Answer& answer) {
  size_t next = 0;
  auto path = paths_.find(labels);
  for (int64_t t_ms = answer.from_ms; t_ms <= answer.to_ms; t_ms += step_ms_) {
    const int64_t at_ms = t_ms - offset_ms_;
    const bool is_true =
        series != nullptr && next < series->t_ms.size() && series->t_ms[next] == at_ms;
    if (path == paths_.end()) {
      if (!is_true) {
        if (series == nullptr || next >= series->t_ms.size()) {
          return;
        }
        // Nothing happens before the next point.
        t_ms += (series->t_ms[next] - at_ms) / step_ms_ * step_ms_ - step_ms_;
        continue;
      }
      path = paths_.emplace(labels, AlertPath(labels)).first;
    }
    Observation seen;
    seen.value = is_true ? series->values[next] : path->second.alert().value;
    seen.holds = is_true;
    seen.cleared = holds == nullptr || !std::binary_search(holds->begin(), holds->end(), at_ms);
    next += is_true ? 1 : 0;
    if (is_true && path->second.steady()) {
      continue;
    }
    if (!path->second.Step(rule_, seen, t_ms, &episodes_)) {
      paths_.erase(path);
      path = paths_.end();
    }
  }
}

std::vector<Episode> IntervalHistory::Finish(int64_t end_ms) {
  for (auto& [labels, path] : paths_) {
    path.Finish(end_ms, &episodes_);
  }
  return std::move(episodes_);
}

}  // namespace ronda::rules
