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

// The NaN that says "nothing is known of this series here": a place in a frame whose series has no
// sample at this time and has not ended. Readers never see it, nor does it end a series.
inline constexpr uint64_t kHoleBits = 0x7ff0000000000003ULL;

inline double HoleMarker() { return std::bit_cast<double>(kHoleBits); }
inline bool IsHole(double value) { return std::bit_cast<uint64_t>(value) == kHoleBits; }

}  // namespace ronda
