// Samples and the staleness marker.
#pragma once

#include <bit>
#include <cstdint>

namespace ronda {

// Milliseconds since the epoch and a value.
struct Sample {
  int64_t t_ms = 0;
  double value = 0;
};

// The NaN that says "this series ended here" (the same bits as in Prometheus). Any other NaN is an
// ordinary value. Compare bits, never doubles: a signalling NaN may be quietened by arithmetic.
inline constexpr uint64_t kStaleBits = 0x7ff0000000000002ULL;

inline double StaleMarker() { return std::bit_cast<double>(kStaleBits); }
inline bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

}  // namespace ronda
