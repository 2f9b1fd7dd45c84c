#include "common/base/clock.h"

#include <ctime>

namespace ronda {
namespace {

int64_t ReadNs(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

int64_t SystemClock::NowMs() const { return ReadNs(CLOCK_REALTIME) / 1'000'000; }
int64_t SystemClock::MonotonicNs() const { return ReadNs(CLOCK_MONOTONIC); }

int64_t SystemClock::SuspendedMs() const {
  return (ReadNs(CLOCK_BOOTTIME) - ReadNs(CLOCK_MONOTONIC)) / 1'000'000;
}

}  // namespace ronda
