// Tested by tests/unit/collector/rules/arrival_history_test.cc.
#include "collector/rules/backtest/arrival_history.h"

#include <algorithm>
#include <utility>

#include "collector/rules/lifecycle.h"
#include "collector/rules/texts.h"
#include "common/base/status.h"
#include "common/model/sample.h"

namespace ronda::rules {
namespace {

constexpr int64_t kPartMs = 24LL * 3600 * 1000;
// More series than these are read together.
constexpr size_t kReadAlone = 8;

std::vector<Matcher> MatchersOf(const Labels& labels) {
  std::vector<Matcher> matchers;
  for (const Label& label : labels.all()) {
    matchers.push_back(Matcher::Equal(label.name, label.value));
  }
  return matchers;
}

}  // namespace

absl::Status ArrivalHistory::Run(int64_t from_ms, int64_t to_ms,
                                 absl::FunctionRef<bool(int64_t)> progress) {
  const std::vector<Matcher>& matchers = rule_.condition->matchers;
  for (int64_t begin_ms = from_ms; begin_ms <= to_ms;) {
    // A whole minute, so that the next part's roll-ups begin with it.
    const int64_t end_ms =
        std::min((begin_ms + kPartMs) / store::kMinuteMs * store::kMinuteMs, to_ms);
    store::TimeRange cover{begin_ms - 1, begin_ms - 1};
    if (rule_.condition->op != promql::BinaryOp::kNotEqual) {
      RONDA_ASSIGN_OR_RETURN(
          cover, data_.BucketsCover(matchers, store::Resolution::kMinute, begin_ms - 1, end_ms));
    }
    if (cover.to_ms > cover.from_ms) {
      RONDA_RETURN_IF_ERROR(ReadSamples(matchers, begin_ms, cover.from_ms));
      RONDA_RETURN_IF_ERROR(ReadCovered(cover));
      RONDA_RETURN_IF_ERROR(ReadSamples(matchers, cover.to_ms + 1, end_ms));
    } else {
      RONDA_RETURN_IF_ERROR(ReadSamples(matchers, begin_ms, end_ms));
    }
    if (!progress(end_ms)) {
      return Fail(absl::StatusCode::kCancelled, "the back-test was stopped");
    }
    begin_ms = end_ms + 1;
  }
  return absl::OkStatus();
}

absl::Status ArrivalHistory::ReadSamples(const std::vector<Matcher>& matchers, int64_t from_ms,
                                         int64_t to_ms) {
  if (from_ms > to_ms) {
    return absl::OkStatus();
  }
  RONDA_RETURN_IF_ERROR(data_.Select(matchers, from_ms, to_ms, [this](const auto& view) {
    Walk(view);
    return true;
  }));
  Expire(to_ms);
  return absl::OkStatus();
}

bool ArrivalHistory::MayHold(const store::BucketsView& view) const {
  if (view.metric.type == MetricType::kCounter) {
    return true;  // its buckets have neither least nor greatest value
  }
  const promql::Threshold& threshold = *rule_.condition;
  return std::any_of(
      view.buckets.begin(), view.buckets.end(), [&threshold](const store::Bucket& bucket) {
        return bucket.mixed || (bucket.count > 0 &&
                                (threshold.Holds(bucket.min) || threshold.Holds(bucket.max) ||
                                 (threshold.op == promql::BinaryOp::kEqual &&
                                  bucket.min < threshold.number && threshold.number < bucket.max)));
      });
}

absl::Status ArrivalHistory::ReadCovered(const store::TimeRange& cover) {
  const std::vector<Matcher>& matchers = rule_.condition->matchers;
  absl::flat_hash_set<Labels> wanted;
  for (const auto& [series, active] : active_) {
    wanted.insert(series);
  }
  RONDA_RETURN_IF_ERROR(data_.SelectBuckets(matchers, store::Resolution::kMinute, cover.from_ms + 1,
                                            cover.to_ms, [&](const store::BucketsView& view) {
                                              if (!wanted.contains(view.labels) && MayHold(view)) {
                                                wanted.insert(view.labels);
                                              }
                                              return true;
                                            }));
  if (wanted.empty()) {
    return absl::OkStatus();
  }
  if (wanted.size() > kReadAlone) {
    return ReadSamples(matchers, cover.from_ms + 1, cover.to_ms);
  }
  for (const Labels& series : wanted) {
    RONDA_RETURN_IF_ERROR(
        data_.Select(MatchersOf(series), cover.from_ms + 1, cover.to_ms, [&](const auto& view) {
          if (view.labels == series) {
            Walk(view);
          }
          return true;
        }));
  }
  Expire(cover.to_ms);
  return absl::OkStatus();
}

void ArrivalHistory::Walk(const store::SeriesView& view) {
  const SeriesName name{.metric = "", .series = &view.labels};
  auto at = active_.find(view.labels);
  for (size_t i = 0; i < view.t_ms.size(); ++i) {
    const double value = view.values[i];
    const int64_t t_ms = view.t_ms[i];
    const bool stale = IsStale(value);
    if (at != active_.end() && t_ms - at->second.last_ms > lookback_ms_) {
      at = Lapse(at, t_ms);
    }
    if (at == active_.end()) {
      if (stale || !rule_.condition->Holds(value)) {
        continue;
      }
      at = Raise(view.labels, value, t_ms);
      if (at == active_.end()) {
        continue;
      }
    }
    at->second.last_ms = t_ms;
    if (!stale && at->second.path.steady() && rule_.condition->Holds(value)) {
      continue;
    }
    at = Step(at,
              stale ? Observation{.kind = Observation::Kind::kEnded, .reason = "ended"}
                    : Compared(rule_, value, name),
              t_ms);
  }
}

ArrivalHistory::ActiveBySeries::iterator ArrivalHistory::Raise(const Labels& series, double value,
                                                               int64_t t_ms) {
  Labels labels = AlertLabels(rule_, series, value, t_ms, {});
  // In operation, too, one alert has these labels.
  if (!raised_.insert(labels).second) {
    return active_.end();
  }
  return active_.emplace(series, Active{AlertPath(std::move(labels)), t_ms}).first;
}

ArrivalHistory::ActiveBySeries::iterator ArrivalHistory::Step(ActiveBySeries::iterator at,
                                                              const Observation& seen,
                                                              int64_t t_ms) {
  if (at->second.path.Step(rule_, seen, t_ms, &episodes_)) {
    return at;
  }
  raised_.erase(at->second.path.alert().labels);
  active_.erase(at);
  return active_.end();
}

ArrivalHistory::ActiveBySeries::iterator ArrivalHistory::Lapse(ActiveBySeries::iterator at,
                                                               int64_t until_ms) {
  const int64_t false_ms = at->second.last_ms + lookback_ms_;
  at = Step(at, {}, false_ms);
  const int64_t kept_ms = false_ms + rule_.keep_firing_for_ms;
  return at == active_.end() || kept_ms > until_ms ? at : Step(at, {}, kept_ms);
}

void ArrivalHistory::Expire(int64_t t_ms) {
  std::vector<Labels> silent;
  for (const auto& [series, active] : active_) {
    if (t_ms - active.last_ms > lookback_ms_) {
      silent.push_back(series);
    }
  }
  for (const Labels& series : silent) {
    Lapse(active_.find(series), t_ms);
  }
}

std::vector<Episode> ArrivalHistory::Finish(int64_t end_ms) {
  Expire(end_ms);
  for (auto& [series, active] : active_) {
    active.path.Finish(end_ms, &episodes_);
  }
  return std::move(episodes_);
}

}  // namespace ronda::rules
