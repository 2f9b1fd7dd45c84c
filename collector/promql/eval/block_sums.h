// Sums of long windows that overlap: the samples of a series are added up once, in blocks, and a
// window is some blocks and two remainders.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "collector/promql/eval/kahan.h"

namespace ronda::promql {

// Not thread-safe.
class BlockSums {
 public:
  // Shorter windows are added up as they are: that is as quick, and exactly as Prometheus does it.
  static constexpr size_t kMinWindow = 512;

  // Begins with another series; its values must stay until the next Reset().
  void Reset(std::span<const double> values) {
    values_ = values;
    blocks_.clear();
  }

  // The compensated sum of the samples begin ... end - 1; nothing if it is not finite, where the
  // order of the samples matters.
  std::optional<double> Sum(size_t begin, size_t end) {
    if (blocks_.empty()) {
      Fill();
    }
    KahanSum sum;
    size_t i = begin;
    for (; i < end && i % kBlock != 0; ++i) sum.Add(values_[i]);
    for (; i + kBlock <= end; i += kBlock) {
      const KahanSum& block = blocks_[i / kBlock];
      sum.Add(block.sum);
      sum.rest += block.rest;
    }
    for (; i < end; ++i) sum.Add(values_[i]);
    return std::isfinite(sum.Value()) ? std::optional(sum.Value()) : std::nullopt;
  }

 private:
  static constexpr size_t kBlock = 64;

  void Fill() {
    blocks_.resize(values_.size() / kBlock + 1);
    for (size_t i = 0; i < values_.size(); ++i) {
      blocks_[i / kBlock].Add(values_[i]);
    }
  }

  std::span<const double> values_;
  std::vector<KahanSum> blocks_;
};

}  // namespace ronda::promql
