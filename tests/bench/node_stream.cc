#include "tests/bench/node_stream.h"

#include <cmath>

namespace ronda::bench {
namespace {

double RoundTo(double value, double scale) { return std::nearbyint(value * scale) / scale; }

}  // namespace

NodeStream::NodeStream(const ScaleSet& set, int node)
    : set_(set),
      random_(set.seed * 1000 + static_cast<uint64_t>(node)),
      now_(set.values.begin(), set.values.begin() + static_cast<ptrdiff_t>(set.series())),
      noise_(set.series(), 0.0) {
  const double factor = Uniform(0.5, 1.5);
  for (size_t i = 0; i < now_.size(); ++i) {
    if (set.is_live_counter[i] != 0) {
      now_[i] =
          RoundTo(std::nearbyint(now_[i] * factor / set.quantum[i]) * set.quantum[i], set.scale[i]);
    }
  }
}

// By hand: the standard's distributions differ between libraries.
double NodeStream::Uniform(double from, double to) {
  return from + (to - from) * (static_cast<double>(random_() >> 11) * 0x1p-53);
}

// True if what comes next does not follow on what came last.
bool NodeStream::StartStretch() {
  const size_t changes = set_.changes.size();
  if (left_ == 0) {
    left_ = 20 + static_cast<int64_t>(random_() % 101);
    at_ = random_() % changes;
    return true;
  }
  if (at_ == changes) {
    at_ = 0;
    return true;
  }
  return false;
}

std::span<const double> NodeStream::Next() {
  const bool jumps = StartStretch();
  const size_t n = now_.size();
  const double* const before = set_.values.data() + at_ * n;
  const double* const after = before + n;
  const auto set_gauge = [&](size_t i) {
    const double level = after[i];
    const double value = level + noise_[i];
    now_[i] = RoundTo(value < 0 && level >= 0 ? level : value, set_.scale[i]);
  };
  for (const uint32_t i : set_.changes[at_]) {
    const double change = after[i] - before[i];
    const double scaled =
        std::nearbyint(change * Uniform(0.7, 1.3) / set_.quantum[i]) * set_.quantum[i];
    if (set_.is_counter[i] != 0) {
      now_[i] = change < 0 ? now_[i] : RoundTo(now_[i] + scaled, set_.scale[i]);
    } else {
      noise_[i] = scaled - change;
      set_gauge(i);
    }
  }
  for (size_t i = 0; jumps && i < n; ++i) {
    if (set_.is_counter[i] == 0) {
      set_gauge(i);
    }
  }
  ++at_;
  --left_;
  return now_;
}

}  // namespace ronda::bench
