#include "common/rpc/backoff.h"

#include <algorithm>

namespace ronda::rpc {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixes a number, any seed is good.
uint64_t NextRandom(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Backoff::Backoff(int64_t initial_ms, int64_t max_ms, uint64_t seed)
    : initial_ms_(std::max<int64_t>(initial_ms, 1)),
      max_ms_(std::max(max_ms, initial_ms_)),
      ceiling_ms_(initial_ms_),
      random_(seed) {}

int64_t Backoff::NextMs() {
  const int64_t least = ceiling_ms_ / 2;
  const auto span = static_cast<uint64_t>(ceiling_ms_ - least) + 1;
  const int64_t wait = least + static_cast<int64_t>(NextRandom(&random_) % span);
  ceiling_ms_ = ceiling_ms_ > max_ms_ / 2 ? max_ms_ : ceiling_ms_ * 2;
  return std::max<int64_t>(wait, 1);
}

}  // namespace ronda::rpc
