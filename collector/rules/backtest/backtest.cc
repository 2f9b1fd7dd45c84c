// Tested by tests/unit/collector/rules/backtest_test.cc.
#include "collector/rules/backtest/backtest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "collector/rules/lifecycle.h"
#include "common/base/status.h"

namespace ronda::rules {
namespace {

constexpr int64_t kChunkMs = 24LL * 3600 * 1000;

// One alert on its way through the window.
struct Life {
  Alert alert;
  Episode open;  // while it fires
};

class OneRule {
 public:
  OneRule(const RuleGroup& group, const Rule& rule, const store::Queryable& data,
          const BacktestOptions& options)
      : rule_(rule), engine_(data), options_(options), step_ms_(group.IntervalMs()) {
    offset_ms_ = group.query_offset_ms;
  }

  // Evaluations in [from, to].
  absl::Status Chunk(int64_t from_ms, int64_t to_ms) {
    RONDA_ASSIGN_OR_RETURN(const promql::QueryResult truth,
                           Range(*rule_.expression, from_ms, to_ms));
    std::map<Labels, const promql::Series*> present;
    for (const promql::Series& series : truth.series) {
      present.emplace(LabelsOf(series), &series);
    }
    std::map<Labels, std::vector<int64_t>> held;
    if (rule_.clear_expression != nullptr) {
      RONDA_RETURN_IF_ERROR(HeldTimes(from_ms, to_ms, &held));
    }
    for (const auto& [labels, life] : lives_) {
      present.emplace(labels, nullptr);
    }
    for (const auto& [labels, series] : present) {
      const auto found = held.find(labels);
      Walk(labels, series, found == held.end() ? nullptr : &found->second, from_ms, to_ms);
    }
    return absl::OkStatus();
  }

  std::vector<Episode> Finish(int64_t end_ms) {
    for (auto& [labels, life] : lives_) {
      if (life.open.from_ms != 0) {
        life.open.to_ms = end_ms;
        life.open.lasts = true;
        episodes_.push_back(std::move(life.open));
      }
    }
    std::sort(episodes_.begin(), episodes_.end(), [](const Episode& a, const Episode& b) {
      return a.from_ms != b.from_ms ? a.from_ms < b.from_ms : a.labels < b.labels;
    });
    return std::move(episodes_);
  }

 private:
  Labels LabelsOf(const promql::Series& series) const {
    return AlertLabels(rule_, series.labels, series.values.empty() ? 0 : series.values.front(), 0,
                       {});
  }

  absl::StatusOr<promql::QueryResult> Range(const promql::Expr& expr, int64_t from_ms,
                                            int64_t to_ms) const {
    return engine_.Range(expr, from_ms - offset_ms_, to_ms - offset_ms_, step_ms_, options_.query);
  }

  // When what ronda_clear compares is there and it does not hold.
  absl::Status HeldTimes(int64_t from_ms, int64_t to_ms,
                         std::map<Labels, std::vector<int64_t>>* held) const {
    const auto& comparison =
        static_cast<const promql::BinaryExpr&>(promql::WithoutParens(*rule_.clear_expression));
    const promql::Expr& compared =
        comparison.left->type == promql::ValueType::kVector ? *comparison.left : *comparison.right;
    RONDA_ASSIGN_OR_RETURN(const promql::QueryResult there, Range(compared, from_ms, to_ms));
    RONDA_ASSIGN_OR_RETURN(const promql::QueryResult cleared, Range(comparison, from_ms, to_ms));
    std::map<Labels, absl::flat_hash_set<int64_t>> over;
    for (const promql::Series& series : cleared.series) {
      over[LabelsOf(series)].insert(series.t_ms.begin(), series.t_ms.end());
    }
    for (const promql::Series& series : there.series) {
      const Labels labels = LabelsOf(series);
      const absl::flat_hash_set<int64_t>& not_at = over[labels];
      std::vector<int64_t>& times = (*held)[labels];
      for (const int64_t t_ms : series.t_ms) {
        if (!not_at.contains(t_ms)) {
          times.push_back(t_ms);
        }
      }
    }
    return absl::OkStatus();
  }

  void Walk(const Labels& labels, const promql::Series* series, const std::vector<int64_t>* held,
            int64_t from_ms, int64_t to_ms) {
    size_t next = 0;
    Life* life = nullptr;
    if (const auto known = lives_.find(labels); known != lives_.end()) {
      life = &known->second;
    }
    for (int64_t t_ms = from_ms; t_ms <= to_ms; t_ms += step_ms_) {
      const int64_t at_ms = t_ms - offset_ms_;
      const bool holds =
          series != nullptr && next < series->t_ms.size() && series->t_ms[next] == at_ms;
      if (life == nullptr) {
        if (!holds) {
          if (series == nullptr || next >= series->t_ms.size()) {
            return;
          }
          // Nothing happens before the next point.
          t_ms += (series->t_ms[next] - at_ms) / step_ms_ * step_ms_ - step_ms_;
          continue;
        }
        life = &lives_[labels];
        life->alert.labels = labels;
      }
      Observation seen;
      seen.value = holds ? series->values[next] : life->alert.value;
      seen.holds = holds;
      seen.cleared = held == nullptr || !std::binary_search(held->begin(), held->end(), at_ms);
      next += holds ? 1 : 0;
      if (const auto transition = Advance(rule_, seen, t_ms, {}, &life->alert)) {
        Note(*transition, life);
        if (life->alert.state == AlertState::kInactive ||
            life->alert.state == AlertState::kResolved) {
          lives_.erase(labels);
          life = nullptr;
        }
      }
    }
  }

  void Note(const Transition& transition, Life* life) {
    if (!transition.notify) {
      return;
    }
    if (transition.alert.state == AlertState::kFiring) {
      life->open = {life->alert.labels, transition.t_ms, 0, false, transition.value};
    } else if (life->open.from_ms != 0) {
      life->open.to_ms = transition.t_ms;
      episodes_.push_back(std::move(life->open));
      life->open = {};
    }
  }

  const Rule& rule_;
  const promql::Engine engine_;
  const BacktestOptions& options_;
  const int64_t step_ms_;
  int64_t offset_ms_ = 0;
  std::map<Labels, Life> lives_;
  std::vector<Episode> episodes_;
};

}  // namespace

absl::StatusOr<std::vector<RuleBacktest>> Backtest(
    const RuleFile& file, const store::Queryable& data, const BacktestOptions& options,
    absl::FunctionRef<bool(int64_t done, int64_t all)> progress) {
  std::vector<RuleBacktest> out;
  for (const RuleGroup& group : file.groups) {
    for (const Rule& rule : group.rules) {
      if (!rule.record) {
        out.push_back({&group, &rule, "", {}});
      }
    }
  }
  const int64_t span_ms = options.end_ms - options.start_ms;
  const int64_t all = span_ms * static_cast<int64_t>(out.size());
  int64_t before = 0;
  for (RuleBacktest& test : out) {
    OneRule rule(*test.group, *test.rule, data, options);
    const int64_t step_ms = test.group->IntervalMs();
    // Evaluations at multiples of the interval.
    int64_t t_ms = (options.start_ms + step_ms - 1) / step_ms * step_ms;
    while (t_ms <= options.end_ms && test.error.empty()) {
      const int64_t last_ms =
          std::min(t_ms + std::max(kChunkMs / step_ms - 1, int64_t{0}) * step_ms, options.end_ms);
      const absl::Status status = rule.Chunk(t_ms, last_ms);
      if (status.code() == absl::StatusCode::kCancelled) {
        return status;
      }
      test.error = std::string(Message(status));
      t_ms += ((last_ms - t_ms) / step_ms + 1) * step_ms;
      if (!progress(before + std::min(t_ms - options.start_ms, span_ms), all)) {
        return Fail(absl::StatusCode::kCancelled, "the back-test was stopped");
      }
    }
    before += span_ms;
    test.episodes = rule.Finish(options.end_ms);
  }
  return out;
}

}  // namespace ronda::rules
