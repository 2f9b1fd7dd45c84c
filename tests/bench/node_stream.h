// One node's samples of a set, as a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "tests/bench/scale_set.h"

namespace ronda::bench {

// The values of one node, tick by tick, the same each time for a set and a node. Holds one tick.
class NodeStream {
 public:
  // `set` must outlive it.
  NodeStream(const ScaleSet& set, int node);

  // Goes to the next tick. Valid until the next call.
  std::span<const double> Next();

 private:
  double Uniform(double from, double to);
  bool StartStretch();

  const ScaleSet& set_;
  std::mt19937_64 random_;
  std::vector<double> now_;
  std::vector<double> noise_;  // of gauges: what is added to the capture's level
  size_t at_ = 0;              // the change of the capture that comes next
  int64_t left_ = 0;           // ticks of the present stretch
};

}  // namespace ronda::bench
