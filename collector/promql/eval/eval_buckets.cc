// Windows that are whole minutes or hours are answered from roll-ups, where there are any and they
// hold what the function needs; the steps beside them from samples.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "collector/promql/eval/bucket_functions.h"
#include "collector/promql/eval/evaluator.h"
#include "common/base/status.h"

namespace ronda::promql {

// The steps first ... last - 1 of a grid, and by what they are answered.
struct BucketSteps {
  store::Resolution resolution;
  size_t first;
  size_t last;
};

namespace {

// True if all windows of the grid are whole buckets.
bool FallsOnEdges(const Grid& grid, const TimeWindow& window, int64_t unit_ms) {
  return window.begin_ms % unit_ms == 0 && window.end_ms % unit_ms == 0 &&
         (grid.size == 1 || grid.step_ms % unit_ms == 0);
}

// The steps whose windows, of which `window` is the first, lie within `cover`.
BucketSteps StepsWithin(const Grid& grid, const TimeWindow& window, const store::TimeRange& cover,
                        store::Resolution resolution) {
  const auto size = static_cast<int64_t>(grid.size);
  const int64_t before = std::max<int64_t>(0, cover.from_ms - window.begin_ms);
  const int64_t first = std::min(size, (before + grid.step_ms - 1) / grid.step_ms);
  const int64_t left = cover.to_ms - window.end_ms;
  const int64_t last = left < 0 ? 0 : std::min(size, left / grid.step_ms + 1);
  return {resolution, static_cast<size_t>(first), static_cast<size_t>(std::max(first, last))};
}

TimeWindow Moved(const TimeWindow& window, const Grid& grid, size_t step) {
  const int64_t by = static_cast<int64_t>(step) * grid.step_ms;
  return {window.begin_ms + by, window.end_ms + by};
}

// Sets the values of the steps; false if only samples can tell one of them.
bool Evaluate(const BucketFunction& function, std::span<const store::Bucket> buckets,
              const Grid& grid, const TimeWindow& window, const BucketSteps& steps,
              std::vector<double>* values) {
  size_t begin = 0;
  size_t end = 0;
  size_t next = 0;  // from `begin` on the first that has samples
  for (size_t i = steps.first; i < steps.last; ++i) {
    const TimeWindow at = Moved(window, grid, i);
    while (begin < buckets.size() && buckets[begin].end_ms <= at.begin_ms) ++begin;
    while (end < buckets.size() && buckets[end].end_ms <= at.end_ms) ++end;
    next = std::max(next, begin);
    while (next < end && buckets[next].count == 0) ++next;
    (*values)[i] = Absent();
    if (next < end &&
        !function.evaluate({buckets.subspan(begin, end - begin), at.begin_ms, at.end_ms},
                           &(*values)[i])) {
      return false;
    }
  }
  return true;
}

std::vector<Matcher> MatchersOf(const Labels& labels) {
  std::vector<Matcher> matchers;
  for (const Label& label : labels.all()) {
    matchers.push_back(Matcher::Equal(label.name, label.value));
  }
  return matchers;
}

// The values of the steps that buckets do not have, until their series comes.
class Rest {
 public:
  Rest(EvalContext* context, size_t steps) : charge_(context), steps_(steps) {}

  // `row` has the steps from `first` on.
  absl::Status Keep(const Row& row, size_t first) {
    auto [at, is_new] = values_.try_emplace(row.labels);
    if (is_new) {
      const auto size = static_cast<int64_t>(steps_);
      RONDA_RETURN_IF_ERROR(charge_.Add(size, size * 8 + BytesOf(row.labels)));
      at->second.assign(steps_, Absent());
    }
    std::copy(row.values.begin(), row.values.end(),
              at->second.begin() + static_cast<std::ptrdiff_t>(first));
    return absl::OkStatus();
  }

  // The values of the series, which is not kept any longer; all absent if it has none.
  void Take(const Labels& labels, std::vector<double>* values) {
    const auto at = values_.find(labels);
    if (at == values_.end()) {
      values->assign(steps_, Absent());
      return;
    }
    *values = std::move(at->second);
    values_.erase(at);
  }

  std::map<Labels, std::vector<double>>& left() { return values_; }

 private:
  std::map<Labels, std::vector<double>> values_;
  Charge charge_;
  const size_t steps_;
};

}  // namespace

bool Evaluator::HasType(const VectorSelector& selector, const BucketFunction& function) const {
  if (function.of == BucketFunction::Of::kAll) {
    return true;
  }
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name() == kMetricName && matcher.type() == Matcher::Type::kEqual) {
      const std::optional<MetricInfo> metric = context_.Metric(matcher.value());
      return metric.has_value() && function.Takes(metric->type);
    }
  }
  return false;
}

absl::StatusOr<bool> Evaluator::RowsFromBuckets(const BucketFunction& function,
                                                const VectorSelector& selector,
                                                const TimeWindow& window, const Grid& grid,
                                                SampleRows samples, RowSink sink) {
  if (selector.shift.at.has_value() && grid.size > 1) {
    return false;
  }
  const int64_t end_ms = Moved(window, grid, grid.size - 1).end_ms;
  for (const auto resolution : {store::Resolution::kHour, store::Resolution::kMinute}) {
    const int64_t unit_ms = store::ResolutionMs(resolution);
    const int64_t min_span_ms = resolution == store::Resolution::kHour
                                    ? context_.options().hours_from_span_ms
                                    : context_.options().minutes_from_span_ms;
    if (end_ms - window.begin_ms < min_span_ms || !FallsOnEdges(grid, window, unit_ms) ||
        !HasType(selector, function)) {
      continue;
    }
    RONDA_ASSIGN_OR_RETURN(
        const store::TimeRange cover,
        context_.BucketsCover(selector.matchers, resolution, window.begin_ms, end_ms));
    const BucketSteps steps = StepsWithin(grid, window, cover, resolution);
    if (steps.first == steps.last ||
        Moved(window, grid, steps.last - 1).end_ms - Moved(window, grid, steps.first).begin_ms <
            min_span_ms) {
      continue;
    }
    RONDA_RETURN_IF_ERROR(BucketRows(function, selector, window, grid, steps, samples, sink));
    return true;
  }
  return false;
}

absl::Status Evaluator::BucketRows(const BucketFunction& function, const VectorSelector& selector,
                                   const TimeWindow& window, const Grid& grid,
                                   const BucketSteps& steps, SampleRows samples, RowSink sink) {
  Rest rest(&context_, grid.size);
  const auto keep = [&](size_t begin, size_t end) {
    const Grid part{grid.At(begin), grid.step_ms, end - begin};
    return begin == end ? absl::OkStatus() : samples(selector.matchers, part, [&](const Row& row) {
      return rest.Keep(row, begin);
    });
  };
  RONDA_RETURN_IF_ERROR(keep(0, steps.first));
  RONDA_RETURN_IF_ERROR(keep(steps.last, grid.size));
  std::vector<double> values;
  std::vector<Labels> by_samples;
  const auto one = [&](const store::BucketsView& view) {
    const bool exact = std::none_of(view.buckets.begin(), view.buckets.end(),
                                    [](const store::Bucket& bucket) { return bucket.mixed; });
    rest.Take(view.labels, &values);
    if (!exact || !function.Takes(view.metric.type) ||
        !Evaluate(function, view.buckets, grid, window, steps, &values)) {
      by_samples.push_back(view.labels);
      return absl::OkStatus();
    }
    return sink({view.labels, false, false, values});
  };
  RONDA_RETURN_IF_ERROR(context_.SelectBuckets(selector.matchers, steps.resolution,
                                               Moved(window, grid, steps.first).begin_ms + 1,
                                               Moved(window, grid, steps.last - 1).end_ms, one));
  for (auto& [labels, of_rest] : rest.left()) {
    RONDA_RETURN_IF_ERROR(sink({labels, false, false, of_rest}));
  }
  for (const Labels& labels : by_samples) {
    RONDA_RETURN_IF_ERROR(samples(MatchersOf(labels), grid, [&](const Row& row) {
      return row.labels == labels ? sink(row) : absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

}  // namespace ronda::promql
