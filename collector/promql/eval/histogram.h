// Quantiles and fractions of classic histograms: counters of observations up to a bound ("le").
#pragma once

#include <vector>

namespace ronda::promql {

struct Bucket {
  double upper_bound;
  double count;  // of all observations up to the bound
};

// Where the counts fell with rising bounds, and so had to be raised.
struct MonotonicityFix {
  bool forced = false;
  double min_bucket = 0;
  double max_bucket = 0;
  double max_diff = 0;
};

// Linear inside a bucket; the first one begins at 0 if its bound is above 0; in the last one (+Inf)
// the bound before it is the answer. -Inf for q < 0, +Inf for q > 1; NaN for q = NaN, without a
// bucket +Inf, with fewer than two buckets or without observations. Sorts `buckets` and adds up
// those of one bound; they must not be empty.
double HistogramQuantile(double q, std::vector<Bucket>* buckets, MonotonicityFix* fix);

// The share of observations between two values, by the same rules.
double HistogramFraction(double lower, double upper, std::vector<Bucket>* buckets);

}  // namespace ronda::promql
