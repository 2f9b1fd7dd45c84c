// Each of these is the function of the same name in window_functions.cc; a property test holds them
// to that.
#include "collector/promql/eval/bucket_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "collector/promql/eval/kahan.h"
#include "collector/promql/eval/row.h"
#include "collector/promql/eval/window_functions.h"

namespace ronda::promql {
namespace {

using store::Bucket;
using Of = BucketFunction::Of;

bool HasSamples(const Bucket& bucket) { return bucket.count > 0; }

const Bucket& FirstOf(const BucketWindow& w) {
  return *std::find_if(w.buckets.begin(), w.buckets.end(), HasSamples);
}
const Bucket& LastOf(const BucketWindow& w) {
  return *std::find_if(w.buckets.rbegin(), w.buckets.rend(), HasSamples);
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

int64_t CountOf(const BucketWindow& w) {
  int64_t count = 0;
  for (const Bucket& bucket : w.buckets) count += bucket.count;
  return count;
}

bool Count(const BucketWindow& w, double* value) {
  *value = static_cast<double>(CountOf(w));
  return true;
}

bool Present(const BucketWindow&, double* value) {
  *value = 1;
  return true;
}

bool First(const BucketWindow& w, double* value) {
  *value = FirstOf(w).first;
  return true;
}

bool Last(const BucketWindow& w, double* value) {
  *value = LastOf(w).last;
  return true;
}

bool TsOfFirst(const BucketWindow& w, double* value) {
  *value = Seconds(FirstOf(w).first_ms);
  return true;
}

bool TsOfLast(const BucketWindow& w, double* value) {
  *value = Seconds(LastOf(w).last_ms);
  return true;
}

// False where infinities, NaN or an overflow are in it: then the order of the samples matters.
bool SumUp(const BucketWindow& w, KahanSum* sum) {
  for (const Bucket& bucket : w.buckets) {
    if (HasSamples(bucket)) {
      sum->Add(bucket.sum);
    }
  }
  return std::isfinite(sum->sum);
}

bool Sum(const BucketWindow& w, double* value) {
  KahanSum sum;
  const bool known = SumUp(w, &sum);
  *value = sum.Value();
  return known;
}

bool Avg(const BucketWindow& w, double* value) {
  KahanSum sum;
  const bool known = SumUp(w, &sum);
  const auto count = static_cast<double>(CountOf(w));
  *value = sum.sum / count + sum.rest / count;
  return known;
}

// `better(a, b)`: a is to be taken rather than b. NaN only where there is nothing else.
template <typename Better>
double BestOf(const BucketWindow& w, double Bucket::*field, Better better) {
  double best = std::numeric_limits<double>::quiet_NaN();
  for (const Bucket& bucket : w.buckets) {
    if (HasSamples(bucket) && (std::isnan(best) || better(bucket.*field, best))) {
      best = bucket.*field;
    }
  }
  return best;
}

bool Max(const BucketWindow& w, double* value) {
  *value = BestOf(w, &Bucket::max, [](double a, double b) { return a > b; });
  return true;
}

bool Min(const BucketWindow& w, double* value) {
  *value = BestOf(w, &Bucket::min, [](double a, double b) { return a < b; });
  return true;
}

// What the resets of a counter add to its change.
double LostByResets(const BucketWindow& w) {
  double lost = 0;
  const Bucket* before = nullptr;
  for (const Bucket& bucket : w.buckets) {
    if (!HasSamples(bucket)) {
      continue;
    }
    if (before != nullptr && bucket.first < before->last) {
      lost += before->last;
    }
    lost += bucket.resets;
    before = &bucket;
  }
  return lost;
}

bool Change(const BucketWindow& w, bool counter, bool per_second, double* value) {
  const Bucket& first = FirstOf(w);
  const Bucket& last = LastOf(w);
  const WindowChange change{CountOf(w),
                            first.first_ms,
                            last.last_ms,
                            first.first,
                            last.last - first.first + (counter ? LostByResets(w) : 0),
                            w.begin_ms,
                            w.end_ms};
  *value = Extrapolate(change, counter, per_second).value_or(Absent());
  return true;
}

bool Rate(const BucketWindow& w, double* value) { return Change(w, true, true, value); }
bool Increase(const BucketWindow& w, double* value) { return Change(w, true, false, value); }
bool Delta(const BucketWindow& w, double* value) { return Change(w, false, false, value); }

bool Newest(const BucketWindow& w, double* value) {
  *value = w.buckets.back().stale_at_end ? Absent() : w.buckets.back().last;
  return true;
}

bool NewestTime(const BucketWindow& w, double* value) {
  *value = w.buckets.back().stale_at_end ? Absent() : Seconds(w.buckets.back().last_ms);
  return true;
}

}  // namespace

std::optional<BucketFunction> FindBucketFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kCountOverTime:
      return BucketFunction{Of::kAll, Count};
    case FunctionId::kPresentOverTime:
      return BucketFunction{Of::kAll, Present};
    case FunctionId::kFirstOverTime:
      return BucketFunction{Of::kAll, First};
    case FunctionId::kLastOverTime:
      return BucketFunction{Of::kAll, Last};
    case FunctionId::kTsOfFirstOverTime:
      return BucketFunction{Of::kAll, TsOfFirst};
    case FunctionId::kTsOfLastOverTime:
      return BucketFunction{Of::kAll, TsOfLast};
    case FunctionId::kDelta:
      return BucketFunction{Of::kAll, Delta};
    case FunctionId::kRate:
      return BucketFunction{Of::kCounters, Rate};
    case FunctionId::kIncrease:
      return BucketFunction{Of::kCounters, Increase};
    case FunctionId::kSumOverTime:
      return BucketFunction{Of::kOthers, Sum};
    case FunctionId::kAvgOverTime:
      return BucketFunction{Of::kOthers, Avg};
    case FunctionId::kMinOverTime:
      return BucketFunction{Of::kOthers, Min};
    case FunctionId::kMaxOverTime:
      return BucketFunction{Of::kOthers, Max};
    default:
      return std::nullopt;
  }
}

BucketFunction NewestOfBuckets(bool timestamps) {
  return {Of::kAll, timestamps ? NewestTime : Newest};
}

}  // namespace ronda::promql
