#include "collector/promql/eval/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "collector/promql/eval/almost_equal.h"

namespace ronda::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Counts that differ by less are the same, but for rounding.
constexpr double kSmallDelta = 1e-12;

// Sorted by bound, one bucket a bound. False if the last is not +Inf.
bool Prepare(std::vector<Bucket>* buckets) {
  std::stable_sort(buckets->begin(), buckets->end(),
                   [](const Bucket& a, const Bucket& b) { return a.upper_bound < b.upper_bound; });
  if (buckets->back().upper_bound != kInf) {
    return false;
  }
  size_t last = 0;
  for (size_t i = 1; i < buckets->size(); ++i) {
    if ((*buckets)[i].upper_bound == (*buckets)[last].upper_bound) {
      (*buckets)[last].count += (*buckets)[i].count;
    } else {
      (*buckets)[++last] = (*buckets)[i];
    }
  }
  buckets->resize(last + 1);
  return true;
}

MonotonicityFix MakeMonotonic(std::vector<Bucket>* buckets) {
  MonotonicityFix fix;
  double before = (*buckets)[0].count;
  for (size_t i = 1; i < buckets->size(); ++i) {
    Bucket& bucket = (*buckets)[i];
    if (bucket.count == before) {
      continue;
    }
    if (AlmostEqual(before, bucket.count, kSmallDelta)) {
      bucket.count = before;
    } else if (bucket.count < before) {
      fix.min_bucket =
          fix.forced ? std::min(fix.min_bucket, bucket.upper_bound) : bucket.upper_bound;
      fix.max_bucket =
          fix.forced ? std::max(fix.max_bucket, bucket.upper_bound) : bucket.upper_bound;
      fix.max_diff = std::max(fix.max_diff, before - bucket.count);
      fix.forced = true;
      bucket.count = before;
    } else {
      before = bucket.count;
    }
  }
  return fix;
}

}  // namespace

double HistogramQuantile(double q, std::vector<Bucket>* buckets, MonotonicityFix* fix) {
  *fix = {};
  if (std::isnan(q)) {
    return kNaN;
  }
  if (q < 0 || q > 1) {
    return q < 0 ? -kInf : kInf;
  }
  if (!Prepare(buckets)) {
    return kNaN;
  }
  const MonotonicityFix fixed = MakeMonotonic(buckets);
  const size_t size = buckets->size();
  const double observations = buckets->back().count;
  if (size < 2 || observations == 0 || std::isnan(observations)) {
    return kNaN;
  }
  *fix = fixed;
  double rank = q * observations;
  size_t b = 0;
  while (b < size - 1 && !((*buckets)[b].count >= rank)) ++b;
  if (b == size - 1) {
    return (*buckets)[size - 2].upper_bound;
  }
  const double end = (*buckets)[b].upper_bound;
  if (b == 0 && end <= 0) {
    return end;
  }
  double begin = 0;
  double count = (*buckets)[b].count;
  if (b > 0) {
    begin = (*buckets)[b - 1].upper_bound;
    count -= (*buckets)[b - 1].count;
    rank -= (*buckets)[b - 1].count;
  }
  return begin + (end - begin) * (rank / count);
}

double HistogramFraction(double lower, double upper, std::vector<Bucket>* buckets) {
  if (!Prepare(buckets)) {
    return kNaN;
  }
  const double observations = buckets->back().count;
  if (observations == 0 || std::isnan(lower) || std::isnan(upper)) {
    return kNaN;
  }
  if (lower >= upper) {
    return 0;
  }
  // The observations up to `value`.
  const auto rank_of = [&](double value) {
    double rank = 0;
    double begin = -kInf;
    for (size_t i = 0; i < buckets->size(); ++i) {
      const auto& [end, count] = (*buckets)[i];
      if (begin >= value) {
        return rank;
      }
      if (end > value) {
        const double from = i == 0 && end > 0 ? 0 : begin;
        if (from == -kInf) {
          return count;  // a bucket without a beginning is not divided
        }
        return rank + (count - rank) * (value - from) / (end - from);
      }
      rank = count;
      begin = end;
    }
    return observations;
  };
  const double from = lower == -kInf ? 0 : std::min(rank_of(lower), observations);
  return (std::min(rank_of(upper), observations) - from) / observations;
}

}  // namespace ronda::promql
