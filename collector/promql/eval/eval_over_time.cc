// Functions of windows: each series is read once; its windows at the steps are found by two indexes
// that only go forward.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "collector/promql/eval/block_sums.h"
#include "collector/promql/eval/bucket_functions.h"
#include "collector/promql/eval/evaluator.h"
#include "collector/promql/eval/go_format.h"
#include "collector/promql/eval/line_sums.h"
#include "collector/promql/eval/scan.h"
#include "collector/promql/eval/window_functions.h"
#include "common/base/status.h"

namespace ronda::promql {
namespace {

// Long windows of one series can take long: time-out and cancelling are looked at each so many
// samples.
constexpr size_t kWorkBetweenChecks = 1 << 18;

// The samples before which a counter began anew. Only rate, increase and resets ask for them.
bool NeedsResets(FunctionId id) {
  return id == FunctionId::kRate || id == FunctionId::kIncrease || id == FunctionId::kResets;
}

bool KeepsName(FunctionId id) {
  return id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
}

void FindResets(std::span<const double> values, std::vector<size_t>* resets) {
  resets->clear();
  ForEachFall(values, [resets](size_t i) { resets->push_back(i); });
}

bool LooksLikeCounter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_sum") || name.ends_with("_count") ||
         name.ends_with("_bucket");
}

absl::Status CheckSmoothing(const std::vector<std::vector<double>>& params, size_t step) {
  static constexpr std::string_view kNames[] = {"smoothing", "trend"};
  static constexpr std::string_view kSigns[] = {"sf", "tf"};
  for (size_t i = 0; i < 2; ++i) {
    const double value = params[i][step];
    if (value <= 0 || value >= 1) {
      return Fail(absl::StatusCode::kFailedPrecondition,
                  "invalid {} factor. Expected: 0 < {} < 1, got: {}", kNames[i], kSigns[i],
                  GoF(value));
    }
  }
  return absl::OkStatus();
}

// A maximum or minimum of windows that move forward: the samples that may still become it, best
// first. NaN counts only where there is nothing else, and so is left out here.
class MovingBest {
 public:
  explicit MovingBest(bool want_max) : want_max_(want_max) {}

  void Reset() { head_ = 0, kept_.clear(); }
  void Add(size_t index, double value) {
    if (std::isnan(value)) {
      return;
    }
    while (kept_.size() > head_ &&
           (want_max_ ? kept_.back().value < value : kept_.back().value > value)) {
      kept_.pop_back();
    }
    kept_.push_back({index, value});
  }
  void DropBefore(size_t index) {
    while (head_ < kept_.size() && kept_[head_].index < index) ++head_;
  }
  double Value() const {
    return head_ < kept_.size() ? kept_[head_].value : std::numeric_limits<double>::quiet_NaN();
  }

 private:
  struct Kept {
    size_t index;
    double value;
  };
  const bool want_max_;
  size_t head_ = 0;
  std::vector<Kept> kept_;
};

}  // namespace

void Evaluator::InformIfNoCounter(const CallExpr& call, const Labels& labels) {
  const FunctionId id = call.function.id;
  const std::string_view name = labels.Get(kMetricName);
  if ((id == FunctionId::kRate || id == FunctionId::kIncrease) && !name.empty() &&
      !LooksLikeCounter(name)) {
    context_.Inform(StartOf(*call.args[0]),
                    fmt::format("metric might not be a counter, name does not end in "
                                "_total/_sum/_count/_bucket: {}",
                                GoQuote(name)));
  }
}

absl::Status Evaluator::OverTimeRows(const CallExpr& call, const Grid& grid, RowSink sink) {
  const FunctionId id = call.function.id;
  const auto matrix_at = std::find_if(call.args.begin(), call.args.end(), [](const ExprPtr& arg) {
    return arg->type == ValueType::kMatrix;
  });
  const Expr& range = WithoutParens(**matrix_at);
  if (range.kind != NodeKind::kMatrix) {
    return WindowRows(call, range, nullptr, grid, sink);
  }
  const VectorSelector& selector = *static_cast<const MatrixSelector&>(range).selector;
  const auto samples = [&](const std::vector<Matcher>& matchers, const Grid& steps, RowSink to) {
    return WindowRows(call, range, &matchers, steps, to);
  };
  if (const std::optional<BucketFunction> function = FindBucketFunction(id)) {
    const bool delayed = context_.delayed_names() && !KeepsName(id);
    const bool nameless = !context_.delayed_names() && !KeepsName(id);
    RONDA_ASSIGN_OR_RETURN(
        const bool done, RowsFromBuckets(*function, selector, WindowAt(range, grid.start_ms), grid,
                                         samples, [&](const Row& row) {
                                           if (AllAbsent(row.values)) {
                                             return absl::OkStatus();
                                           }
                                           InformIfNoCounter(call, row.labels);
                                           return sink({row.labels, nameless, delayed, row.values});
                                         }));
    if (done) {
      return absl::OkStatus();
    }
  }
  return samples(selector.matchers, grid, sink);
}

absl::Status Evaluator::WindowRows(const CallExpr& call, const Expr& range,
                                   const std::vector<Matcher>* matchers, const Grid& grid,
                                   RowSink sink) {
  const FunctionId id = call.function.id;
  const WindowFunction function = FindWindowFunction(id);
  std::vector<std::vector<double>> params;
  for (const ExprPtr& arg : call.args) {
    if (arg->type != ValueType::kMatrix) {
      RONDA_ASSIGN_OR_RETURN(params.emplace_back(), Scalar(*arg, grid));
    }
  }
  const bool best = id == FunctionId::kMaxOverTime || id == FunctionId::kMinOverTime;
  const bool sums = id == FunctionId::kSumOverTime || id == FunctionId::kAvgOverTime;
  const bool line = id == FunctionId::kDeriv || id == FunctionId::kPredictLinear;
  BlockSums blocks;
  LineSums lines;
  MovingBest moving(id == FunctionId::kMaxOverTime);
  std::vector<TimeWindow> windows(grid.size);
  for (size_t i = 0; i < grid.size; ++i) {
    windows[i] = WindowAt(range, grid.At(i));
  }
  std::vector<double> values(grid.size);
  std::vector<double> step_params(params.size());
  std::vector<size_t> resets;

  size_t work = 0;  // samples since the last check

  const auto one = [&](const RangeSeries& series) {
    if (NeedsResets(id)) {
      FindResets(series.values, &resets);
    }
    moving.Reset();
    blocks.Reset(series.values);
    lines.Reset(series.t_ms, series.values);
    bool any = false;
    size_t begin = 0;  // of the window
    size_t end = 0;
    size_t reset_begin = 0;  // of the resets after its first sample
    size_t reset_end = 0;
    for (size_t i = 0; i < grid.size; ++i) {
      const TimeWindow& window = windows[i];
      values[i] = Absent();
      const size_t new_end = FirstAfter(series.t_ms, end, window.end_ms);
      for (; best && end < new_end; ++end) {
        moving.Add(end, series.values[end]);
      }
      end = new_end;
      begin = FirstAfter(series.t_ms.first(end), begin, window.begin_ms);
      if (begin == end) {
        continue;
      }
      while (reset_end < resets.size() && resets[reset_end] < end) ++reset_end;
      while (reset_begin < reset_end && resets[reset_begin] <= begin) ++reset_begin;
      work += end - begin;
      if (work >= kWorkBetweenChecks) {
        work = 0;
        RONDA_RETURN_IF_ERROR(context_.Check());
      }
      for (size_t p = 0; p < params.size(); ++p) {
        step_params[p] = params[p][i];
      }
      if (id == FunctionId::kDoubleExponentialSmoothing) {
        RONDA_RETURN_IF_ERROR(CheckSmoothing(params, i));
      }
      if (id == FunctionId::kQuantileOverTime && !(step_params[0] >= 0 && step_params[0] <= 1)) {
        context_.Warn(
            StartOf(*call.args[0]),
            fmt::format("quantile value should be between 0 and 1, got {}", GoG(step_params[0])));
      }
      if (best) {
        moving.DropBefore(begin);
        values[i] = moving.Value();
        any = true;
        continue;
      }
      if (sums && end - begin >= BlockSums::kMinWindow) {
        if (const std::optional<double> sum = blocks.Sum(begin, end)) {
          const auto count = static_cast<double>(end - begin);
          values[i] = id == FunctionId::kSumOverTime ? *sum : *sum / count;
          any = true;
          continue;
        }
      }
      if (line && end - begin >= LineSums::kMinWindow) {
        if (const std::optional<FittedLine> fit = lines.Fit(begin, end, grid.At(i))) {
          values[i] =
              id == FunctionId::kDeriv ? fit->slope : fit->slope * step_params[0] + fit->at_zero;
          any = true;
          continue;
        }
      }
      const WindowSamples samples{series.t_ms.subspan(begin, end - begin),
                                  series.values.subspan(begin, end - begin),
                                  window.begin_ms,
                                  window.end_ms,
                                  grid.At(i),
                                  std::span(resets).subspan(reset_begin, reset_end - reset_begin),
                                  begin};
      if (const std::optional<double> value = function(samples, step_params)) {
        values[i] = *value;
        any = true;
      }
    }
    if (!any) {
      return absl::OkStatus();
    }
    if (!series.nameless) {
      InformIfNoCounter(call, series.labels);
    }
    if (KeepsName(id)) {
      return sink({series.labels, series.nameless, series.drop_name, values});
    }
    const bool delayed = context_.delayed_names();
    return sink({series.labels, series.nameless || !delayed, delayed, values});
  };
  return matchers == nullptr
             ? Ranges(range, grid, one)
             : MatrixRanges(static_cast<const MatrixSelector&>(range), *matchers, grid, one);
}

}  // namespace ronda::promql
