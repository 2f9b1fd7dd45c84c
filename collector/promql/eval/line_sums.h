// Least squares of long windows that move forward and overlap: what a window has more than the one
// before is added, what it has no more is taken away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ronda::promql {

struct FittedLine {
  double slope = 0;    // per second
  double at_zero = 0;  // the value at the time that was asked for
};

// Not thread-safe.
//
// What was added comes out again exactly: the sums of times are integers, those of values keep what
// rounding takes (twice the digits of a double). Times and values count from a sample that is less
// than two windows back, and so are small. So the answer is as near to the truth as that of adding
// up each window, however many windows came before.
class LineSums {
 public:
  // Shorter windows are added up as they are: that is as quick, and exactly as Prometheus does it.
  static constexpr size_t kMinWindow = 512;

  // Begins with another series; its columns must stay until the next Reset().
  void Reset(std::span<const int64_t> t_ms, std::span<const double> values);

  // The line through the samples begin ... end - 1, two at the least; `zero_ms` is where `at_zero`
  // is. Neither begin nor end may be less than in the call before. Nothing if a value of the series
  // is not finite, or so large that sums may not be: the order of the samples matters then.
  std::optional<FittedLine> Fit(size_t begin, size_t end, int64_t zero_ms);

 private:
  // A sum and what rounding took from it.
  struct Exact {
    double sum = 0;
    double rest = 0;

    void Add(double value);
    long double Less(const Exact& other) const {
      return (static_cast<long double>(sum) - other.sum) +
             (static_cast<long double>(rest) - other.rest);
    }
  };
  // Of the samples from the base to before `next`, less the base.
  struct Prefix {
    size_t next = 0;
    int64_t x = 0;
    __int128 xx = 0;
    Exact y;
    Exact xy;
  };
  void Advance(size_t to, Prefix* prefix) const;
  void BeginAt(size_t base);

  std::span<const int64_t> t_ms_;
  std::span<const double> values_;
  bool finite_ = false;
  bool known_ = false;  // finite_ is
  size_t base_ = 0;
  Prefix before_;           // the window
  Prefix within_;           // up to its end
  size_t last_change_ = 0;  // the last index before within_.next whose value is not that before it
};

}  // namespace ronda::promql
