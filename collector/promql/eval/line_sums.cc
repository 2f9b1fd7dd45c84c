// Tested by tests/unit/collector/promql/line_sums_test.cc.
#include "collector/promql/eval/line_sums.h"

#include <algorithm>
#include <cmath>

namespace ronda::promql {
namespace {

constexpr double kTooMuch = 1e280;  // whose products with times may overflow

}  // namespace

// Knuth's sum of two: `rest` is exact, whichever of them is larger.
void LineSums::Exact::Add(double value) {
  const double total = sum + value;
  const double of_value = total - sum;
  rest += (sum - (total - of_value)) + (value - of_value);
  sum = total;
}

void LineSums::Reset(std::span<const int64_t> t_ms, std::span<const double> values) {
  t_ms_ = t_ms;
  values_ = values;
  known_ = false;
  last_change_ = 0;
  BeginAt(0);
}

void LineSums::BeginAt(size_t base) {
  base_ = base;
  before_ = {};
  before_.next = base;
  within_ = before_;
}

void LineSums::Advance(size_t to, Prefix* prefix) const {
  Prefix sums = *prefix;
  const int64_t origin_ms = t_ms_[base_];
  const double origin = values_[base_];
  for (; sums.next < to; ++sums.next) {
    const int64_t x = t_ms_[sums.next] - origin_ms;
    const double y = values_[sums.next] - origin;
    sums.x += x;
    sums.xx += static_cast<__int128>(x) * x;
    sums.y.Add(y);
    sums.xy.Add(static_cast<double>(x) * y);
  }
  *prefix = sums;
}

std::optional<FittedLine> LineSums::Fit(size_t begin, size_t end, int64_t zero_ms) {
  if (!known_) {
    known_ = true;
    finite_ = std::all_of(values_.begin(), values_.end(),
                          [](double v) { return std::fabs(v) < kTooMuch; });
  }
  if (!finite_) {
    return std::nullopt;
  }
  for (size_t i = std::max<size_t>(within_.next, 1); i < end; ++i) {
    last_change_ = values_[i] != values_[i - 1] ? i : last_change_;
  }
  if (begin - base_ > end - begin) {
    BeginAt(begin);
  }
  Advance(begin, &before_);
  Advance(end, &within_);
  if (last_change_ <= begin) {
    return FittedLine{0, values_[begin]};
  }
  // In seconds from the time that was asked for, as Prometheus has it; the digits of a long double
  // are what the differences below take.
  const auto n = static_cast<long double>(end - begin);
  const long double shift = static_cast<long double>(t_ms_[base_] - zero_ms) / 1000;
  const long double x = static_cast<long double>(within_.x - before_.x) / 1000;
  const long double xx = static_cast<long double>(within_.xx - before_.xx) / 1'000'000;
  const long double y = within_.y.Less(before_.y);
  const long double xy = within_.xy.Less(before_.xy) / 1000;
  const long double slope = (xy - x * y / n) / (xx - x * x / n);
  return FittedLine{static_cast<double>(slope),
                    static_cast<double>(values_[base_] + y / n - slope * (x / n + shift))};
}

}  // namespace ronda::promql
