// Sums that keep what rounding would lose (Kahan's, in Neumaier's form), and means that do not
// overflow where the sum would: 1e100 + 1 - 1e100 is 1, as Prometheus has it.
#pragma once

#include <cmath>

namespace ronda::promql {

struct KahanSum {
  double sum = 0;
  double rest = 0;  // what rounding took from `sum`

  void Add(double value) {
    const double total = sum + value;
    if (std::isinf(total)) {
      rest = 0;
    } else if (std::fabs(sum) >= std::fabs(value)) {
      rest += (sum - total) + value;
    } else {
      rest += (value - total) + sum;
    }
    sum = total;
  }
  double Value() const { return sum + rest; }
};

// Sums up for as long as that does not overflow, then goes on with the mean.
struct KahanMean {
  KahanSum sum;
  double count = 0;
  bool incremental = false;  // `sum` is the mean

  void Add(double value) {
    count += 1;
    if (count == 1) {
      sum = {value, 0};
      return;
    }
    if (!incremental) {
      KahanSum next = sum;
      next.Add(value);
      if (!std::isinf(next.sum)) {
        sum = next;
        return;
      }
      incremental = true;
      sum = {sum.sum / (count - 1), sum.rest / (count - 1)};
    }
    const double kept = (count - 1) / count;
    sum = {kept * sum.sum, kept * sum.rest};
    sum.Add(value / count);
  }
  double Value() const {
    return incremental ? sum.sum + sum.rest : sum.sum / count + sum.rest / count;
  }
};

}  // namespace ronda::promql
