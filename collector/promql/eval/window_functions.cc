// The formulas are Prometheus' (reference: its documentation of functions, and for the sums the
// notes in kahan.h); scripts in tests/promql hold each to its corner cases.
#include "collector/promql/eval/window_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "collector/promql/eval/kahan.h"

namespace ronda::promql {
namespace {

using Params = std::span<const double>;
using Result = std::optional<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// What rate, increase and delta have in common.
Result Extrapolated(const WindowSamples& w, bool counter, bool per_second) {
  if (w.size() == 0) {
    return std::nullopt;
  }
  double change = w.values.back() - w.values.front();
  if (counter) {
    for (const size_t reset : w.resets) {
      change += w.values[reset - 1 - w.first];
    }
  }
  return Extrapolate({static_cast<int64_t>(w.size()), w.t_ms.front(), w.t_ms.back(),
                      w.values.front(), change, w.begin_ms, w.end_ms},
                     counter, per_second);
}

Result Rate(const WindowSamples& w, Params) { return Extrapolated(w, true, true); }
Result Increase(const WindowSamples& w, Params) { return Extrapolated(w, true, false); }
Result Delta(const WindowSamples& w, Params) { return Extrapolated(w, false, false); }

Result LastTwo(const WindowSamples& w, bool rate) {
  if (w.size() < 2) {
    return std::nullopt;
  }
  const size_t last = w.size() - 1;
  const int64_t gap_ms = w.t_ms[last] - w.t_ms[last - 1];
  if (gap_ms == 0) {
    return std::nullopt;
  }
  double change = w.values[last];
  if (!rate || !(w.values[last] < w.values[last - 1])) {
    change -= w.values[last - 1];
  }
  return rate ? change / Seconds(gap_ms) : change;
}

Result Irate(const WindowSamples& w, Params) { return LastTwo(w, true); }
Result Idelta(const WindowSamples& w, Params) { return LastTwo(w, false); }

Result Sum(const WindowSamples& w, Params) {
  KahanSum sum;
  for (const double value : w.values) sum.Add(value);
  return std::isinf(sum.sum) ? sum.sum : sum.Value();
}

Result Avg(const WindowSamples& w, Params) {
  KahanMean mean;
  for (const double value : w.values) mean.Add(value);
  return mean.Value();
}

Result Count(const WindowSamples& w, Params) { return static_cast<double>(w.size()); }
Result Present(const WindowSamples&, Params) { return 1; }
Result First(const WindowSamples& w, Params) { return w.values.front(); }
Result Last(const WindowSamples& w, Params) { return w.values.back(); }
Result TsOfFirst(const WindowSamples& w, Params) { return Seconds(w.t_ms.front()); }
Result TsOfLast(const WindowSamples& w, Params) { return Seconds(w.t_ms.back()); }

// The sample that the comparison likes best; one that is NaN only if all are.
template <typename Better>
size_t BestOf(const WindowSamples& w, Better better) {
  size_t best = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    if (better(w.values[i], w.values[best]) || std::isnan(w.values[best])) {
      best = i;
    }
  }
  return best;
}

Result Max(const WindowSamples& w, Params) {
  return w.values[BestOf(w, [](double a, double b) { return a > b; })];
}
Result Min(const WindowSamples& w, Params) {
  return w.values[BestOf(w, [](double a, double b) { return a < b; })];
}
Result TsOfMax(const WindowSamples& w, Params) {
  return Seconds(w.t_ms[BestOf(w, [](double a, double b) { return a >= b; })]);
}
Result TsOfMin(const WindowSamples& w, Params) {
  return Seconds(w.t_ms[BestOf(w, [](double a, double b) { return a <= b; })]);
}

Result Resets(const WindowSamples& w, Params) { return static_cast<double>(w.resets.size()); }

Result Changes(const WindowSamples& w, Params) {
  int changes = 0;
  for (size_t i = 1; i < w.size(); ++i) {
    const double a = w.values[i - 1];
    const double b = w.values[i];
    changes += a != b && !(std::isnan(a) && std::isnan(b)) ? 1 : 0;
  }
  return changes;
}

Result Variance(const WindowSamples& w, Params) {
  double count = 0;
  KahanSum mean;
  KahanSum squares;
  for (const double value : w.values) {
    count += 1;
    const double delta = value - mean.Value();
    mean.Add(delta / count);
    squares.Add(delta * (value - mean.Value()));
  }
  return squares.Value() / count;
}

Result Deviation(const WindowSamples& w, Params params) { return std::sqrt(*Variance(w, params)); }

struct Line {
  double slope;
  double at_zero;  // the value at the time that was asked for
};

// Least squares.
Line Fit(const WindowSamples& w, int64_t zero_ms) {
  KahanSum sum_x;
  KahanSum sum_y;
  KahanSum sum_xy;
  KahanSum sum_xx;
  bool constant = true;
  for (size_t i = 0; i < w.size(); ++i) {
    const double x = Seconds(w.t_ms[i] - zero_ms);
    const double y = w.values[i];
    constant = constant && (i == 0 || y == w.values[0]);
    sum_x.Add(x);
    sum_y.Add(y);
    sum_xy.Add(x * y);
    sum_xx.Add(x * x);
  }
  if (constant) {
    return std::isinf(w.values[0]) ? Line{kNaN, kNaN} : Line{0, w.values[0]};
  }
  const auto n = static_cast<double>(w.size());
  const double covariance = sum_xy.Value() - sum_x.Value() * sum_y.Value() / n;
  const double variance = sum_xx.Value() - sum_x.Value() * sum_x.Value() / n;
  const double slope = covariance / variance;
  return {slope, sum_y.Value() / n - slope * sum_x.Value() / n};
}

Result Deriv(const WindowSamples& w, Params) {
  return w.size() < 2 ? std::nullopt : Result(Fit(w, w.t_ms.front()).slope);
}

Result PredictLinear(const WindowSamples& w, Params params) {
  if (w.size() < 2) {
    return std::nullopt;
  }
  const Line line = Fit(w, w.step_t_ms);
  return line.slope * params[0] + line.at_zero;
}

// Holt's linear method; the parameters have been checked.
Result Smoothing(const WindowSamples& w, Params params) {
  if (w.size() < 2) {
    return std::nullopt;
  }
  const double smoothing = params[0];
  const double trending = params[1];
  double before = 0;
  double level = w.values[0];
  double trend = w.values[1] - w.values[0];
  for (size_t i = 1; i < w.size(); ++i) {
    if (i > 1) {
      trend = trending * (level - before) + (1 - trending) * trend;
    }
    const double next = smoothing * w.values[i] + (1 - smoothing) * (level + trend);
    before = level;
    level = next;
  }
  return level;
}

Result Quantile(const WindowSamples& w, Params params) {
  std::vector<double> values(w.values.begin(), w.values.end());
  return QuantileOf(params[0], &values);
}

// The median distance from the median.
Result Mad(const WindowSamples& w, Params) {
  std::vector<double> values(w.values.begin(), w.values.end());
  const double median = QuantileOf(0.5, &values);
  for (double& value : values) value = std::fabs(value - median);
  return QuantileOf(0.5, &values);
}

}  // namespace

std::optional<double> Extrapolate(const WindowChange& w, bool counter, bool per_second) {
  if (w.count < 2) {
    return std::nullopt;
  }
  const double sampled = Seconds(w.last_ms - w.first_ms);
  const double gap = sampled / static_cast<double>(w.count - 1);
  const double near = gap * 1.1;
  double to_start = Seconds(w.first_ms - w.begin_ms);
  double to_end = Seconds(w.end_ms - w.last_ms);
  if (to_start >= near) {
    to_start = gap / 2;
  }
  if (counter && w.change > 0 && w.first >= 0) {
    to_start = std::min(to_start, sampled * (w.first / w.change));
  }
  if (to_end >= near) {
    to_end = gap / 2;
  }
  double factor = (sampled + to_start + to_end) / sampled;
  if (per_second) {
    factor /= Seconds(w.end_ms - w.begin_ms);
  }
  return w.change * factor;
}

double QuantileOf(double q, std::vector<double>* values) {
  if (values->empty() || std::isnan(q)) {
    return kNaN;
  }
  if (q < 0 || q > 1) {
    return std::copysign(std::numeric_limits<double>::infinity(), q);
  }
  const double rank = q * static_cast<double>(values->size() - 1);
  const auto lower = static_cast<size_t>(std::max(0.0, std::floor(rank)));
  const size_t upper = std::min(values->size() - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  const auto less = [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; };
  const auto at = values->begin() + static_cast<std::ptrdiff_t>(lower);
  std::nth_element(values->begin(), at, values->end(), less);
  const double low = *at;
  const double high = upper == lower ? low : *std::min_element(at + 1, values->end(), less);
  return low * (1 - weight) + high * weight;
}

WindowFunction FindWindowFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kAvgOverTime:
      return Avg;
    case FunctionId::kChanges:
      return Changes;
    case FunctionId::kCountOverTime:
      return Count;
    case FunctionId::kDelta:
      return Delta;
    case FunctionId::kDeriv:
      return Deriv;
    case FunctionId::kDoubleExponentialSmoothing:
      return Smoothing;
    case FunctionId::kFirstOverTime:
      return First;
    case FunctionId::kIdelta:
      return Idelta;
    case FunctionId::kIncrease:
      return Increase;
    case FunctionId::kIrate:
      return Irate;
    case FunctionId::kLastOverTime:
      return Last;
    case FunctionId::kMadOverTime:
      return Mad;
    case FunctionId::kMaxOverTime:
      return Max;
    case FunctionId::kMinOverTime:
      return Min;
    case FunctionId::kPredictLinear:
      return PredictLinear;
    case FunctionId::kPresentOverTime:
      return Present;
    case FunctionId::kQuantileOverTime:
      return Quantile;
    case FunctionId::kRate:
      return Rate;
    case FunctionId::kResets:
      return Resets;
    case FunctionId::kStddevOverTime:
      return Deviation;
    case FunctionId::kStdvarOverTime:
      return Variance;
    case FunctionId::kSumOverTime:
      return Sum;
    case FunctionId::kTsOfFirstOverTime:
      return TsOfFirst;
    case FunctionId::kTsOfLastOverTime:
      return TsOfLast;
    case FunctionId::kTsOfMaxOverTime:
      return TsOfMax;
    case FunctionId::kTsOfMinOverTime:
      return TsOfMin;
    default:
      return nullptr;
  }
}

}  // namespace ronda::promql
