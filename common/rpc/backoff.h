// How long to wait before the next try.
#pragma once

#include <cstdint>

namespace ronda::rpc {

// Exponential back-off with jitter: the n-th wait is drawn evenly from the upper half of
// min(max_ms, initial_ms * 2^n), so that ten thousand agents that lost the same collector do not
// return in the same instant, and none returns at once. Not thread-safe.
class Backoff {
 public:
  // Both in milliseconds, 1 <= initial_ms <= max_ms (put right if not). `seed` should differ from
  // one process to the next (RandomBits()); equal seeds give equal waits.
  Backoff(int64_t initial_ms, int64_t max_ms, uint64_t seed);

  // The wait before the next try, in milliseconds; never more than max_ms.
  int64_t NextMs();

  // After a success: the next wait is short again.
  void Reset() { ceiling_ms_ = initial_ms_; }

 private:
  int64_t initial_ms_;
  int64_t max_ms_;
  int64_t ceiling_ms_;
  uint64_t random_;
};

}  // namespace ronda::rpc
