#include "collector/promql/eval/fold.h"

#include <cmath>
#include <limits>

#include "collector/promql/eval/kahan.h"
#include "collector/promql/eval/row.h"

namespace ronda::promql {
namespace {

// One number a step, and what the rest of the state makes of the next value.
template <typename State>
class FoldOf : public Fold {
 public:
  explicit FoldOf(size_t steps) : states_(steps) {}
  void Add(std::span<const double> values) override {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!IsAbsent(values[i])) {
        states_[i].Add(values[i]);
      }
    }
  }
  std::vector<double> Finish() override {
    std::vector<double> results(states_.size());
    for (size_t i = 0; i < states_.size(); ++i) {
      results[i] = states_[i].seen() ? states_[i].Value() : Absent();
    }
    return results;
  }

 private:
  std::vector<State> states_;
};

struct SumState {
  KahanSum sum;
  bool any = false;
  void Add(double value) {
    if (any) {
      sum.Add(value);
    } else {
      sum = {value, 0};
      any = true;
    }
  }
  bool seen() const { return any; }
  double Value() const { return sum.Value(); }
};

struct AvgState {
  KahanMean mean;
  void Add(double value) { mean.Add(value); }
  bool seen() const { return mean.count > 0; }
  double Value() const { return mean.Value(); }
};

struct CountState {
  double count = 0;
  void Add(double) { count += 1; }
  bool seen() const { return count > 0; }
  double Value() const { return count; }
};

struct GroupState {
  bool any = false;
  void Add(double) { any = true; }
  bool seen() const { return any; }
  double Value() const { return 1; }
};

// NaN only where there is nothing else.
template <bool kMax>
struct BestState {
  double best = Absent();
  void Add(double value) {
    if (std::isnan(best) || (kMax ? best < value : best > value)) {
      best = value;
    }
  }
  bool seen() const { return !IsAbsent(best); }
  double Value() const { return best; }
};

// Welford's method.
struct VarianceState {
  double count = 0;
  double mean = 0;
  double squares = 0;
  void Add(double value) {
    count += 1;
    if (count == 1) {
      mean = value;
      squares = std::isfinite(value) ? 0 : std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const double delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
  }
  bool seen() const { return count > 0; }
  double Value() const { return squares / count; }
};

struct DeviationState : VarianceState {
  double Value() const { return std::sqrt(VarianceState::Value()); }
};

}  // namespace

std::unique_ptr<Fold> Fold::New(AggregateOp op, size_t steps) {
  switch (op) {
    case AggregateOp::kSum:
      return std::make_unique<FoldOf<SumState>>(steps);
    case AggregateOp::kAvg:
      return std::make_unique<FoldOf<AvgState>>(steps);
    case AggregateOp::kCount:
      return std::make_unique<FoldOf<CountState>>(steps);
    case AggregateOp::kMin:
      return std::make_unique<FoldOf<BestState<false>>>(steps);
    case AggregateOp::kMax:
      return std::make_unique<FoldOf<BestState<true>>>(steps);
    case AggregateOp::kGroup:
      return std::make_unique<FoldOf<GroupState>>(steps);
    case AggregateOp::kStddev:
      return std::make_unique<FoldOf<DeviationState>>(steps);
    case AggregateOp::kStdvar:
      return std::make_unique<FoldOf<VarianceState>>(steps);
    default:
      return nullptr;
  }
}

int64_t Fold::BytesPerStep(AggregateOp op) {
  switch (op) {
    case AggregateOp::kAvg:
      return sizeof(AvgState);
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar:
    case AggregateOp::kSum:
      return sizeof(VarianceState);
    default:
      return sizeof(double);
  }
}

}  // namespace ronda::promql
